/* SPDX-License-Identifier: BSL-1.0
   Empty on purpose. The C library's <gnu/stubs.h> includes one such file for each calling convention, and a tool chain for
   Linux brings those of the conventions with floating-point registers alone; in a freestanding build nothing is in it. */
