# SPDX-License-Identifier: BSL-1.0
"""What the commands in tools/ are made of. Python standard library alone; one subject a module.

say        messages, live progress, errors that end a command
sources    the package sources that this machine is configured with
packages   what the project needs on a machine, and how to get it
guest      the Linux guest: Debian's kernel, busybox, the initial RAM disk
targets    the machines that images are made for
build      Meson build folders
emulator   one emulator run: command line, console, time limit
transcript what the lines on a console say
code_size  how large an image's code is, and where it comes from
demo, setup, check, bench   the commands tools/demo, tools/setup, tools/test, tools/bench
"""
