// SPDX-License-Identifier: BSL-1.0
#include <axhal/arch/host/irq_controller.hpp>
#include <axhal/irq/handler_table.hpp>

#include <catch2/catch_test_macros.hpp>

#include <vector>

namespace {

using namespace axhal;
using controller = host::irq_controller<64, 1>;
using table = handler_table<48, 4>;

struct device {
  controller* wires;
  irq_number irq;
  bool asks{};
  unsigned calls{};
};

bool serve(void* context, irq_number irq) {
  auto& d = *static_cast<device*>(context);
  ++d.calls;
  CHECK(irq == d.irq);
  if (!d.asks) return false;
  d.asks = false;
  d.wires->set_line(irq, false);
  return true;
}

}  // namespace

TEST_CASE("a registered handler is called with its context, and its line is enabled while it is") {
  controller c;
  table t;
  device d{&c, {20}, true};
  auto const handle = t.add(c, {20}, serve, &d);
  REQUIRE(handle);
  CHECK(c.is_enabled({20}));
  CHECK(t.has_handler({20}));
  c.set_line({20}, true);
  CHECK(t.serve(c));
  CHECK(d.calls == 1);
  CHECK(t.counts() == irq_counts{.handled = 1});
  CHECK_FALSE(t.serve(c));
  CHECK(t.counts().spurious == 1);
  CHECK(t.remove(c, *handle));
  CHECK_FALSE(c.is_enabled({20}));
  CHECK_FALSE(t.has_handler({20}));
  CHECK(t.remove(c, *handle) == failure{handler_error::not_registered});
}

TEST_CASE("all devices that share a line are asked") {
  controller c;
  table t;
  device a{&c, {33}};
  device b{&c, {33}, true};
  auto const first = t.add(c, {33}, serve, &a);
  auto const second = t.add(c, {33}, serve, &b);
  REQUIRE(first);
  REQUIRE(second);
  c.set_line({33}, true);
  CHECK(t.serve(c));
  CHECK(a.calls == 1);
  CHECK(b.calls == 1);
  CHECK(t.counts().handled == 1);
  CHECK(t.remove(c, *first));
  CHECK(c.is_enabled({33}));
  CHECK_FALSE(t.dispatch(c, {33}));
  CHECK(t.counts().unhandled == 1);
  CHECK(b.calls == 2);
  CHECK(c.is_enabled({33}));
}

TEST_CASE("a line that nobody handles is disabled, so that it cannot come for ever") {
  controller c;
  table t;
  REQUIRE(c.enable({40}));
  REQUIRE(c.enable({60}));  // not even in the table
  c.set_line({40}, true);
  c.set_line({60}, true);
  CHECK(t.serve(c));
  CHECK(t.serve(c));
  CHECK_FALSE(t.serve(c));
  CHECK(t.counts() == irq_counts{.unhandled = 2, .spurious = 1});
  CHECK_FALSE(c.is_enabled({40}));
  CHECK_FALSE(c.is_enabled({60}));
}

TEST_CASE("bad registrations are refused and change nothing") {
  controller c;
  table t;
  device d{&c, {20}};
  CHECK(t.add(c, {48}, serve, &d) == failure{handler_error::out_of_range});
  CHECK(t.add(c, {~0U}, serve, &d) == failure{handler_error::out_of_range});
  CHECK(t.add(c, {20}, nullptr, &d) == failure{handler_error::no_handler});
  handler_table<128, 4> larger;
  CHECK(larger.add(c, {100}, serve, &d) == failure{handler_error::out_of_range});
  CHECK_FALSE(larger.has_handler({100}));
  CHECK_FALSE(c.is_enabled({20}));
  for (unsigned i = 0; i < 4; ++i) CHECK(t.add(c, {20 + i}, serve, &d));
  CHECK(t.add(c, {30}, serve, &d) == failure{handler_error::full});
  CHECK_FALSE(c.is_enabled({30}));
  CHECK(t.remove(c, {4, 0}) == failure{handler_error::not_registered});
  CHECK(t.remove(c, {0, 1}) == failure{handler_error::not_registered});
}

TEST_CASE("a handle that was used up does not name the next registration") {
  controller c;
  table t;
  device d{&c, {20}};
  auto const old = t.add(c, {20}, serve, &d);
  REQUIRE(old);
  REQUIRE(t.remove(c, *old));
  auto const fresh = t.add(c, {20}, serve, &d);
  REQUIRE(fresh);
  CHECK(fresh->slot == old->slot);
  CHECK_FALSE(*fresh == *old);
  CHECK(t.remove(c, *old) == failure{handler_error::not_registered});
  CHECK(t.has_handler({20}));
}

TEST_CASE("a handler may take itself back") {
  struct once {
    controller* c;
    table* t;
    irq_registration self{};
    unsigned calls{};
    static bool run(void* context, irq_number irq) {
      auto& o = *static_cast<once*>(context);
      ++o.calls;
      o.c->set_line(irq, false);
      CHECK(o.t->remove(*o.c, o.self));
      return true;
    }
  };
  controller c;
  table t;
  once o{&c, &t};
  device after{&c, {25}};
  auto const handle = t.add(c, {25}, once::run, &o);
  REQUIRE(handle);
  o.self = *handle;
  REQUIRE(t.add(c, {25}, serve, &after));
  c.set_line({25}, true);
  CHECK(t.serve(c));
  c.set_line({25}, true);
  CHECK(t.serve(c));
  CHECK(o.calls == 1);
  CHECK(after.calls == 2);
}
