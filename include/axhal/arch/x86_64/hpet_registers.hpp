// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

namespace axhal::x86_64 {

/// Registers of the HPET as offsets (IA-PC HPET Specification 1.0a, 2.3.1 "Memory Map and Register Definitions"). All
/// are 64 bits wide, and can be read and written by halves.
struct hpet_registers {
  //                                                    access   what
  static constexpr std::uint64_t gcap_id = 0x000;    // ro       what this block has, and its period
  static constexpr std::uint64_t gen_conf = 0x010;   // rw
  static constexpr std::uint64_t gintr_sta = 0x020;  // rw1c     1 bit a timer, of level-triggered ones
  static constexpr std::uint64_t main_cnt = 0x0f0;   // rw       written only while it stands
  static constexpr std::uint64_t first_timer = 0x100;
  static constexpr std::uint64_t timer_stride = 0x20;
  static constexpr std::uint64_t size = 0x400;              ///< bytes of a block
  static constexpr unsigned max_timers = 32;                ///< what NUM_TIM_CAP can say; 24 fit into the block
  static constexpr std::uint64_t max_period = 100'000'000;  ///< femtoseconds: the counter runs at 10 MHz at least

  /// Configuration and capabilities of timer `n`.
  [[nodiscard]] static constexpr std::uint64_t conf_of(unsigned n) { return first_timer + n * timer_stride; }
  /// What timer `n` compares the counter with.
  [[nodiscard]] static constexpr std::uint64_t comp_of(unsigned n) { return conf_of(n) + 8; }
  /// The message that timer `n` sends instead of driving a line.
  [[nodiscard]] static constexpr std::uint64_t fsb_rout_of(unsigned n) { return conf_of(n) + 16; }
};

/// GCAP_ID (2.3.4 "General Capabilities and ID Register").
struct hpet_gcap_id {
  using f_rev_id = bit_field<std::uint8_t, 7, 0>;    ///< never 0
  using f_num_tim_cap = bit_field<unsigned, 12, 8>;  ///< timers, less one
  using f_count_size_cap = bit_field<bool, 13>;      ///< the counter has 64 bits, else 32
  using f_leg_rt_cap = bit_field<bool, 15>;          ///< timers 0 and 1 can take the place of the 8254 and the RTC
  using f_vendor_id = bit_field<std::uint16_t, 31, 16>;
  using f_counter_clk_period = bit_field<std::uint64_t, 63, 32>;  ///< femtoseconds a tick
  static_assert(
      disjoint_fields<f_rev_id, f_num_tim_cap, f_count_size_cap, f_leg_rt_cap, f_vendor_id, f_counter_clk_period>);
};

/// GEN_CONF (2.3.5 "General Configuration Register").
struct hpet_gen_conf {
  using f_enable_cnf = bit_field<bool, 0>;  ///< the counter runs and timers interrupt
  using f_leg_rt_cnf = bit_field<bool, 1>;
  static_assert(disjoint_fields<f_enable_cnf, f_leg_rt_cnf>);
};

/// TIMn_CONF (2.3.8 "Timer N Configuration and Capabilities Register").
struct hpet_tim_conf {
  using f_int_type_cnf = bit_field<bool, 1>;                 ///< level-triggered
  using f_int_enb_cnf = bit_field<bool, 2>;                  ///< interrupts
  using f_type_cnf = bit_field<bool, 3>;                     ///< periodic
  using f_per_int_cap = bit_field<bool, 4>;                  ///< ro: can be periodic
  using f_size_cap = bit_field<bool, 5>;                     ///< ro: compares 64 bits
  using f_val_set_cnf = bit_field<bool, 6>;                  ///< the next write of COMP sets the period's accumulator
  using f_32mode_cnf = bit_field<bool, 8>;                   ///< compares 32 bits though it could more
  using f_int_route_cnf = bit_field<unsigned, 13, 9>;        ///< which input of the I/O APIC
  using f_fsb_en_cnf = bit_field<bool, 14>;                  ///< sends messages
  using f_fsb_int_del_cap = bit_field<bool, 15>;             ///< ro: can send messages
  using f_int_route_cap = bit_field<std::uint32_t, 63, 32>;  ///< ro: 1 bit for each input that it can drive
  static_assert(disjoint_fields<f_int_type_cnf, f_int_enb_cnf, f_type_cnf, f_per_int_cap, f_size_cap, f_val_set_cnf,
                                f_32mode_cnf, f_int_route_cnf, f_fsb_en_cnf, f_fsb_int_del_cap, f_int_route_cap>);
};

}  // namespace axhal::x86_64
