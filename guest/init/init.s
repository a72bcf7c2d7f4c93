# Warren's init: PID 1 of the initramfs. A static RV64 Linux program that makes raw system calls and needs no library.
#
# It mounts what user land expects, installs busybox's links, names the host, brings the loopback up, and then does what the kernel
# command line asks:
#   warren.mode=shell   (default) a login-like /bin/sh on the console; when it exits, the machine powers off
#   warren.mode=agent   one command for the host, over a framed protocol on a serial line (agent.s); then power off
#   warren.mode=panic   crash the kernel through sysrq: lets tests see a guest panic
#   warren.tty=NAME     the terminal /dev/NAME: ttyS1 when absent for the agent, the console for the shell
# TERM=... on the kernel command line reaches init's environment, and through it the shell.
#
# Started as any other process than PID 1 it is the agent alone, on file descriptor 3, and exits when done: tests use that.
#
# Registers: gp points to `state` throughout; calls follow the standard convention.

        .include "sys.s"

        .text
        .global _start
_start:
        la      gp, state
        ld      t0, 0(sp)                       # argc; argv and a null pointer stand before envp
        slli    t0, t0, 3
        add     t0, t0, sp
        addi    t0, t0, 16
        sd      t0, ENVIRON(gp)
        sys     GETPID
        sd      a0, OWN_PID(gp)
        li      t0, 1
        bne     a0, t0, as_process

        call    boot
        la      a0, key_mode
        call    option_value
        beqz    a0, run_shell
        la      a1, mode_agent
        call    token_is
        bnez    a0, run_agent_on_tty
        la      a0, key_mode
        call    option_value
        la      a1, mode_panic
        call    token_is
        beqz    a0, run_shell

        la      a0, path_sysrq
        li      a1, O_WRONLY
        call    open
        la      a1, text_crash
        li      a2, 1
        sys     WRITE
        j       power_off                       # no sysrq in this kernel

as_process:
        li      a0, 3
        j       run_agent

# Does not return. Everything that must reach the disk or the line has.
        .global power_off
power_off:
        sys     SYNC
        ld      t0, OWN_PID(gp)
        li      t1, 1
        bne     t0, t1, 1f
        li      a0, REBOOT_MAGIC1
        li      a1, REBOOT_MAGIC2
        li      a2, RB_POWER_OFF
        li      a3, 0
        sys     REBOOT
1:      li      a0, 0
        sys     EXIT_GROUP
        j       1b

        .include "text.s"
        .include "boot.s"
        .include "shell.s"
        .include "agent.s"
        .include "command.s"

        .section .rodata
key_mode:       .asciz "warren.mode="
mode_agent:     .asciz "agent"
mode_panic:     .asciz "panic"
path_sysrq:     .asciz "/proc/sysrq-trigger"
text_crash:     .ascii "c"
