# Warren's self test: a bare-metal guest that starts in S-mode by the SBI boot convention (a0 = hart, a1 = device tree), exercises what
# a kernel relies on, prints one line a test, and powers off through SBI: reason 0 when every test passed, 1 (system failure) otherwise.
#
#   ok   name
#   FAIL name: detail
#   skip name: reason
#   selftest: N passed, N failed, N skipped
#
# Position independent: it may be loaded at any 2 MiB aligned address of RAM. Addresses of devices come from the device tree.
#
# Registers: gp = globals, tp = this hart's block (as is sscratch). Tests may use all others; t5 and t6 belong to the macros.

        .include "macros.s"

        .text
        .global _start
_start:
        la      gp, globals
        la      tp, harts
        la      sp, stacks + STACK_SIZE
        sd      a0, BOOT_HART(gp)
        sd      a0, HART_ID(tp)
        sd      a1, DTB(gp)
        call    hart_setup
        call    read_device_tree
        call    choose_output
        sbi     SBI_BASE, 1
        sd      a1, SBI_IMPLEMENTATION(gp)

        puts    "warren selftest: boot hart "
        ld      a0, BOOT_HART(gp)
        call    put_decimal
        puts    ", harts "
        ld      a0, HART_COUNT(gp)
        call    put_decimal
        puts    ", isa "
        ld      a0, ISA(gp)
        ld      a1, ISA_LENGTH(gp)
        call    put_list
        call    end_line

        la      s0, tests_begin
run_next:
        la      t0, tests_end
        bgeu    s0, t0, finish
        sd      s0, RUNNING(gp)
        sd      sp, RUNNER_SP(gp)
        ld      t0, 8(s0)
        la      t1, _start
        add     t0, t0, t1
        jalr    t0
test_passed:
        ld      t0, PASSED(gp)
        addi    t0, t0, 1
        sd      t0, PASSED(gp)
        call    restore_environment
        puts    "ok   "
        call    put_test_name
run_done:
        call    end_line
        ld      s0, RUNNING(gp)
        addi    s0, s0, 16
        j       run_next

# a0: what, a1: seen, a2: wanted
test_failed:
        mv      s1, a0
        mv      s2, a1
        mv      s3, a2
        call    count_failure
        mv      a0, s1
        call    put_string
        puts    ": 0x"
        mv      a0, s2
        call    put_hex
        puts    " where 0x"
        mv      a0, s3
        call    put_hex
        puts    " was due"
        j       run_done

# a0: reason
test_skipped:
        mv      s1, a0
        call    restore_environment
        ld      t0, SKIPPED(gp)
        addi    t0, t0, 1
        sd      t0, SKIPPED(gp)
        puts    "skip "
        call    put_test_name
        puts    ": "
        mv      a0, s1
        call    put_string
        j       run_done

# A trap that no test asked for.
test_crashed:
        call    count_failure
        puts    "unexpected trap, scause 0x"
        ld      a0, CAUSE(tp)
        call    put_hex
        puts    " sepc 0x"
        ld      a0, EPC(tp)
        call    put_hex
        puts    " stval 0x"
        ld      a0, TVAL(tp)
        call    put_hex
        puts    " start 0x"
        la      a0, _start
        call    put_hex
        j       run_done

count_failure:
        mv      s11, ra
        ld      t0, FAILED(gp)
        addi    t0, t0, 1
        sd      t0, FAILED(gp)
        call    restore_environment
        puts    "FAIL "
        call    put_test_name
        puts    ": "
        jr      s11

finish:
        puts    "selftest: "
        ld      a0, PASSED(gp)
        call    put_decimal
        puts    " passed, "
        ld      a0, FAILED(gp)
        call    put_decimal
        puts    " failed, "
        ld      a0, SKIPPED(gp)
        call    put_decimal
        puts    " skipped"
        call    end_line
        call    wait_output
        li      a0, 0                           # shutdown
        ld      a1, FAILED(gp)
        snez    a1, a1                          # no reason, or system failure
        sbi     SBI_SRST, 0
        # No SRST, or it failed: the finisher of the board, if there is one.
        ld      t0, FINISHER(gp)
        beqz    t0, 2f
        li      t1, 0x5555
        ld      t2, FAILED(gp)
        beqz    t2, 1f
        li      t1, 0x13333
1:      sw      t1, 0(t0)
2:      wfi
        j       2b

# Whatever a test left behind must not reach the next one.
restore_environment:
        la      tp, harts
        ld      sp, RUNNER_SP(gp)
        csrw    satp, zero
        sfence.vma
        j       hart_setup_registers

hart_setup:
        sd      gp, HART_GLOBALS(tp)
hart_setup_registers:
        csrw    sie, zero
        li      t0, SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_SPP | SSTATUS_SPIE
        csrc    sstatus, t0
        li      t0, SSTATUS_FS
        csrs    sstatus, t0
        fscsr   zero
        sd      zero, RESUME(tp)
        csrw    sscratch, tp
        la      t0, trap_entry
        csrw    stvec, t0
        ret

# Every trap of every hart. An interrupt is counted and masked in sie; an exception goes on at RESUME, in S-mode.
        .balign 4
trap_entry:
        csrrw   tp, sscratch, tp
        sd      t5, SAVED_T5(tp)
        sd      t6, SAVED_T6(tp)
        csrw    sscratch, tp
        csrr    t6, scause
        bltz    t6, 2f
        sd      t6, CAUSE(tp)
        csrr    t6, sepc
        sd      t6, EPC(tp)
        csrr    t6, stval
        sd      t6, TVAL(tp)
        csrr    t6, sstatus
        sd      t6, STATUS(tp)
        ld      t6, RESUME(tp)
        beqz    t6, 3f
        csrw    sepc, t6
        li      t6, SSTATUS_SPP
        csrs    sstatus, t6
        li      t6, SSTATUS_SPIE
        csrc    sstatus, t6
1:      ld      t5, SAVED_T5(tp)
        ld      t6, SAVED_T6(tp)
        sret
2:      slli    t6, t6, 1
        srli    t6, t6, 1
        sd      t6, INTERRUPT(tp)
        ld      t5, INTERRUPTS(tp)
        addi    t5, t5, 1
        sd      t5, INTERRUPTS(tp)
        li      t5, 1
        sll     t5, t5, t6
        csrc    sie, t5
        csrc    sip, t5                         # takes back a software interrupt; the others are read-only here
        j       1b
3:      ld      gp, HART_GLOBALS(tp)
        la      t5, harts
        beq     t5, tp, test_crashed
        li      t6, 1                           # a secondary hart: the boot hart sees CRASHED
        sd      t6, CRASHED(tp)
        sd      zero, WORK(tp)
4:      wfi
        j       4b

        .include "output.s"
        .include "devicetree.s"
        .include "traps.s"
        .include "atomics.s"
        .include "paging.s"
        .include "translation.s"
        .include "float.s"
        .include "integer.s"
        .include "fences.s"
        .include "sbi.s"
        .include "time.s"
        .include "devices.s"
        .include "smp.s"

        .section .tests, "a"
tests_end:

        .bss
        .balign 4096
globals:        .zero GLOBALS_SIZE
        .balign 64
harts:          .zero HART_SIZE * MAX_HARTS
        .balign 16
stacks:         .zero STACK_SIZE * MAX_HARTS
        .balign 4096
pages:          .zero 4096 * PAGES              # page tables and data of the paging tests
