// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/virt_irq.hpp>
#include <axhal/irq/overflow_queue.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using namespace axhal;

TEST_CASE("what fits is presented, what does not waits and asks for room") {
  overflow_queue<100> queue;
  host::virt_irq<2> shown;
  for (std::uint32_t i = 0; i < 5; ++i)
    CHECK(queue.post({.irq = {70 + i}, .priority = static_cast<std::uint8_t>(i * 16)}));
  CHECK(queue.size() == 5);
  CHECK_FALSE(queue.drain(shown));
  CHECK(queue.size() == 3);
  CHECK_FALSE(shown.room_event());
  for (std::uint32_t i = 0; i < 5; ++i) {
    CHECK(shown.take() == irq_number{70 + i});
    CHECK(shown.finish({70 + i}));
    shown.reap([](virtual_irq const&) {});
    queue.drain(shown);
  }
  CHECK(queue.empty());
  CHECK_FALSE(shown.take());
  CHECK_FALSE(shown.room_event());  // nobody waits: the event was taken back
}

TEST_CASE("the most urgent waits least, whatever the order of posting; a line is merged with itself") {
  overflow_queue<64> queue;
  host::virt_irq<1> shown;
  CHECK(queue.post({.irq = {5}, .priority = 0x80}));
  CHECK(queue.post({.irq = {63}, .priority = 0x10}));
  CHECK(queue.post({.irq = {40}, .priority = 0x80}));
  CHECK(queue.post({.irq = {5}, .priority = 0x80}));
  CHECK(queue.size() == 3);
  for (std::uint32_t const expected : {63U, 5U, 40U}) {
    queue.drain(shown);
    CHECK(shown.take() == irq_number{expected});
    CHECK(shown.finish({expected}));
    shown.reap([](virtual_irq const&) {});
  }
  CHECK(queue.drain(shown));
}

TEST_CASE("what waits can be taken back; what cannot be is refused") {
  overflow_queue<33> queue;
  host::virt_irq<1, 20> shown;
  CHECK(queue.post({.irq = {33}}) == failure{virt_irq_error::out_of_range});
  CHECK(queue.post({.irq = {~0U}}) == failure{virt_irq_error::out_of_range});
  CHECK(queue.post({.irq = {32}}));
  CHECK_FALSE(queue.retract({31}));
  CHECK_FALSE(queue.retract({33}));
  CHECK(queue.retract({32}));
  CHECK_FALSE(queue.retract({32}));
  CHECK(queue.empty());
  CHECK(queue.post({.irq = {32}}));  // the guest cannot have it: dropped, not kept for ever
  CHECK(queue.drain(shown));
  CHECK(queue.empty());
}

TEST_CASE("a physical interrupt that is held back by itself holds back no other") {
  overflow_queue<64> queue;
  host::virt_irq<4> shown;
  CHECK(queue.post({.irq = {27}, .priority = 0x10, .hardware = true, .physical = {27}}));
  CHECK(queue.drain(shown));
  CHECK(shown.take() == irq_number{27});
  CHECK(queue.post({.irq = {27}, .priority = 0x10, .hardware = true, .physical = {27}}));
  CHECK(queue.post({.irq = {33}, .priority = 0x80}));
  CHECK_FALSE(queue.drain(shown));
  CHECK(queue.size() == 1);
  CHECK(shown.finish({27}));
  CHECK(shown.take() == irq_number{33});
  shown.reap([](virtual_irq const&) {});
  CHECK(queue.drain(shown));
}
