// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <axhal/core/bit_field.hpp>

#include <cstdint>

/// Registers of the Generic Interrupt Controller architecture 2.0 (ARM IHI 0048B) as offsets and fields. All are 32
/// bits wide; the fields are those of an implementation without the Security Extensions, or of the Non-secure view
/// where both have the same place.
namespace axhal::aarch64 {

/// A field of a GIC register.
template <typename Value, unsigned Msb, unsigned Lsb = Msb>
using gic_field = bit_field<Value, Msb, Lsb, std::uint32_t>;

/// INTIDs by kind (IHI 0048B, "Interrupt IDs", 2.2.1).
struct gic_id {
  static constexpr std::uint32_t first_ppi = 16;  ///< below: SGIs; banked for each CPU
  static constexpr std::uint32_t first_spi = 32;  ///< below: PPIs; banked for each CPU
  static constexpr std::uint32_t first_special =
      1020;  ///< from here: no interrupts (1022, 1023: nothing to acknowledge)
};

/// The distributor (IHI 0048B, "Distributor register descriptions", 4.3).
struct gicd {
  //                                                  access  bytes?  what
  static constexpr std::uint64_t ctlr = 0x000;        // rw            forwards interrupts at all
  static constexpr std::uint64_t typer = 0x004;       // ro            size
  static constexpr std::uint64_t iidr = 0x008;        // ro            who made it
  static constexpr std::uint64_t igroupr = 0x080;     // rw            1 bit a line: group
  static constexpr std::uint64_t isenabler = 0x100;   // rw            1 bit a line: enable
  static constexpr std::uint64_t icenabler = 0x180;   // rw            1 bit a line: disable
  static constexpr std::uint64_t ispendr = 0x200;     // rw            1 bit a line: make pending
  static constexpr std::uint64_t icpendr = 0x280;     // rw            1 bit a line: make not pending
  static constexpr std::uint64_t isactiver = 0x300;   // rw            1 bit a line: make active
  static constexpr std::uint64_t icactiver = 0x380;   // rw            1 bit a line: make inactive
  static constexpr std::uint64_t ipriorityr = 0x400;  // rw    yes     1 byte a line: 0 is most urgent
  static constexpr std::uint64_t itargetsr = 0x800;   // rw    yes     1 byte a line: a bit for each CPU
  static constexpr std::uint64_t icfgr = 0xc00;       // rw            2 bits a line: level or edge
  static constexpr std::uint64_t ppisr = 0xd00;       // ro            levels of the PPI wires (GIC-400, DDI 0471)
  static constexpr std::uint64_t spisr = 0xd04;       // ro            levels of the SPI wires (GIC-400, DDI 0471)
  static constexpr std::uint64_t nsacr = 0xe00;       // rw            Non-secure access; RAZ/WI without security
  static constexpr std::uint64_t sgir = 0xf00;        // wo            sends SGIs
  static constexpr std::uint64_t cpendsgir = 0xf10;   // rw    yes     1 byte an SGI: sources to make not pending
  static constexpr std::uint64_t spendsgir = 0xf20;   // rw    yes     1 byte an SGI: sources to make pending
  static constexpr std::uint64_t pidr4 = 0xfd0;       // ro            identification registers, 0xfd0 to 0xffc
  static constexpr std::uint64_t pidr0 = 0xfe0;       // ro
  static constexpr std::uint64_t pidr2 = 0xfe8;       // ro            ICPIDR2: architecture version
  static constexpr std::uint64_t cidr0 = 0xff0;       // ro
  static constexpr std::uint64_t size = 0x1000;
};

/// GICD_CTLR. In the Non-secure view bit 0 enables Group 1, which is all that view can see.
struct gicd_ctlr {
  using f_enable_grp0 = gic_field<bool, 0>;
  using f_enable_grp1 = gic_field<bool, 1>;
};

/// GICD_TYPER.
struct gicd_typer {
  using f_it_lines_number = gic_field<std::uint32_t, 4, 0>;  ///< 32 * (n + 1) lines
  using f_cpu_number = gic_field<std::uint32_t, 7, 5>;       ///< CPU interfaces, less one
  using f_security_extn = gic_field<bool, 10>;
  using f_lspi = gic_field<std::uint32_t, 15, 11>;
};

/// GICD_SGIR.
struct gicd_sgir {
  using f_sgi_int_id = gic_field<std::uint32_t, 3, 0>;
  using f_nsatt = gic_field<bool, 15>;
  using f_cpu_target_list = gic_field<std::uint32_t, 23, 16>;  ///< one bit a CPU interface
  using f_target_list_filter = gic_field<std::uint32_t, 25, 24>;
  static constexpr std::uint32_t to_list = 0;
  static constexpr std::uint32_t to_others = 1;
  static constexpr std::uint32_t to_self = 2;
};

/// GICD_ICPIDR2.
struct gicd_pidr2 {
  using f_arch_rev = gic_field<std::uint32_t, 7, 4>;  ///< 1: GICv1, 2: GICv2, 3: GICv3
};

/// The CPU interface (IHI 0048B, "CPU interface register descriptions", 4.4). GICV, the one that a guest sees, has the
/// same registers (5.5).
struct gicc {
  static constexpr std::uint64_t ctlr = 0x0000;
  static constexpr std::uint64_t pmr = 0x0004;    // priority mask: only more urgent ones pass
  static constexpr std::uint64_t bpr = 0x0008;    // binary point
  static constexpr std::uint64_t iar = 0x000c;    // acknowledge
  static constexpr std::uint64_t eoir = 0x0010;   // end of interrupt
  static constexpr std::uint64_t rpr = 0x0014;    // running priority
  static constexpr std::uint64_t hppir = 0x0018;  // highest-priority pending
  static constexpr std::uint64_t abpr = 0x001c;   // the same for Group 1
  static constexpr std::uint64_t aiar = 0x0020;
  static constexpr std::uint64_t aeoir = 0x0024;
  static constexpr std::uint64_t ahppir = 0x0028;
  static constexpr std::uint64_t apr = 0x00d0;  // active priorities, 4 words
  static constexpr std::uint64_t nsapr = 0x00e0;
  static constexpr std::uint64_t iidr = 0x00fc;
  static constexpr std::uint64_t dir = 0x1000;  // deactivate
  static constexpr std::uint64_t size = 0x2000;
};

/// GICC_CTLR and GICV_CTLR.
struct gicc_ctlr {
  using f_enable_grp0 = gic_field<bool, 0>;  ///< Non-secure view: Group 1
  using f_enable_grp1 = gic_field<bool, 1>;
  using f_ack_ctl = gic_field<bool, 2>;
  using f_fiq_en = gic_field<bool, 3>;
  using f_cbpr = gic_field<bool, 4>;
  using f_bypass_disable = gic_field<std::uint32_t, 8, 5>;  ///< FIQBypDisGrp0 to IRQBypDisGrp1: wiring of the machine
  using f_eoi_mode = gic_field<bool, 9>;                    ///< EOIR drops the priority only, DIR deactivates
};

/// GICC_IAR, GICC_EOIR, GICC_DIR.
struct gicc_iar {
  using f_interrupt_id = gic_field<std::uint32_t, 9, 0>;
  using f_cpu_id = gic_field<std::uint32_t, 12, 10>;  ///< SGIs: who sent it
};

/// Control of the virtual CPU interface (IHI 0048B, "GIC virtual interface control registers", 5.3).
struct gich_registers {
  static constexpr std::uint64_t hcr = 0x000;
  static constexpr std::uint64_t vtr = 0x004;
  static constexpr std::uint64_t vmcr = 0x008;   // what the guest wrote to GICV_CTLR, PMR, BPR, ABPR
  static constexpr std::uint64_t misr = 0x010;   // why the maintenance interrupt is raised
  static constexpr std::uint64_t eisr = 0x020;   // list registers that wait for a look after EOI, 2 words
  static constexpr std::uint64_t elrsr = 0x030;  // list registers that are empty, 2 words
  static constexpr std::uint64_t apr = 0x0f0;    // active priorities
  static constexpr std::uint64_t lr = 0x100;     // list registers
  static constexpr std::uint64_t size = 0x200;
};

/// GICH_HCR.
struct gich_hcr {
  using f_en = gic_field<bool, 0>;
  using f_uie = gic_field<bool, 1>;      ///< maintenance interrupt while at most one list register is in use
  using f_lrenpie = gic_field<bool, 2>;  ///< ... while EOIs found no list register
  using f_npie = gic_field<bool, 3>;     ///< ... while no list register is pending
  using f_vgrp0eie = gic_field<bool, 4>;
  using f_vgrp0die = gic_field<bool, 5>;
  using f_vgrp1eie = gic_field<bool, 6>;
  using f_vgrp1die = gic_field<bool, 7>;
  using f_eoi_count = gic_field<std::uint32_t, 31, 27>;
};

/// GICH_VTR.
struct gich_vtr {
  using f_list_regs = gic_field<std::uint32_t, 5, 0>;   ///< list registers, less one
  using f_pre_bits = gic_field<std::uint32_t, 28, 26>;  ///< bits of preemption, less one
  using f_pri_bits = gic_field<std::uint32_t, 31, 29>;  ///< bits of priority, less one
};

/// GICH_VMCR.
struct gich_vmcr {
  using f_vm_grp0_en = gic_field<bool, 0>;
  using f_vm_grp1_en = gic_field<bool, 1>;
  using f_vm_ack_ctl = gic_field<bool, 2>;
  using f_vm_fiq_en = gic_field<bool, 3>;
  using f_vm_cbpr = gic_field<bool, 4>;
  using f_vem = gic_field<bool, 9>;
  using f_vm_abp = gic_field<std::uint32_t, 20, 18>;
  using f_vm_bp = gic_field<std::uint32_t, 23, 21>;
  using f_vm_pri_mask = gic_field<std::uint32_t, 31, 27>;
  static constexpr std::uint32_t reset = 0x004c'0000;  ///< binary points at their smallest, everything off
};

/// GICH_MISR.
struct gich_misr {
  using f_eoi = gic_field<bool, 0>;
  using f_u = gic_field<bool, 1>;
  using f_lrenp = gic_field<bool, 2>;
  using f_np = gic_field<bool, 3>;
};

/// What a list register holds.
enum class lr_state : std::uint32_t { invalid = 0, pending = 1, active = 2, pending_and_active = 3 };

/// GICH_LR.
struct gich_lr {
  using f_virtual_id = gic_field<std::uint32_t, 9, 0>;
  using f_physical_id = gic_field<std::uint32_t, 19, 10>;  ///< with HW: the physical INTID
  using f_cpu_id = gic_field<std::uint32_t, 12, 10>;       ///< without HW: the source of an SGI
  using f_eoi = gic_field<bool, 19>;                       ///< without HW: maintenance interrupt at EOI
  using f_priority = gic_field<std::uint32_t, 27, 23>;     ///< the upper five bits of a priority
  using f_state = gic_field<lr_state, 29, 28>;
  using f_grp1 = gic_field<bool, 30>;
  using f_hw = gic_field<bool, 31>;
};

static_assert(disjoint_fields<gich_lr::f_virtual_id, gich_lr::f_physical_id, gich_lr::f_priority, gich_lr::f_state,
                              gich_lr::f_grp1, gich_lr::f_hw>);
static_assert(disjoint_fields<gich_lr::f_virtual_id, gich_lr::f_cpu_id, gich_lr::f_eoi, gich_lr::f_priority>);
static_assert(disjoint_fields<gich_vmcr::f_vm_grp0_en, gich_vmcr::f_vm_grp1_en, gich_vmcr::f_vm_ack_ctl,
                              gich_vmcr::f_vm_fiq_en, gich_vmcr::f_vm_cbpr, gich_vmcr::f_vem, gich_vmcr::f_vm_abp,
                              gich_vmcr::f_vm_bp, gich_vmcr::f_vm_pri_mask>);
static_assert(
    disjoint_fields<gicc_ctlr::f_enable_grp0, gicc_ctlr::f_enable_grp1, gicc_ctlr::f_ack_ctl, gicc_ctlr::f_fiq_en,
                    gicc_ctlr::f_cbpr, gicc_ctlr::f_bypass_disable, gicc_ctlr::f_eoi_mode>);

}  // namespace axhal::aarch64
