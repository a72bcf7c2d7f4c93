# Compute loops with a known number of instructions, for `warren bench cpu`: bare metal, S-mode, one hart.
#
# Before and after each loop a line "<letter>" goes to the first UART; the host times them, and divides the instructions named here.
# The interpreter's dispatch, its loads and stores, calls, and floating point are one loop each. Ends by SBI system reset.

        .equ    UART, 0x10000000
        .equ    ALU_ROUNDS, 4000000             # x 10 instructions
        .equ    MEMORY_ROUNDS, 4000000          # x 10
        .equ    CALL_ROUNDS, 4000000            # x 8
        .equ    FLOAT_ROUNDS, 4000000           # x 7

        .macro  mark letter
        li      t6, UART
        li      t5, \letter
        sb      t5, 0(t6)
        li      t5, 10
        sb      t5, 0(t6)
        .endm

        .text
        .global _start
_start:
        li      t0, 0x2000                      # sstatus.FS = Initial
        csrs    sstatus, t0
        la      sp, stack_end

        mark    'a'
        li      s0, ALU_ROUNDS
        li      a0, 1
        li      a1, 0x12345678
1:      add     a2, a0, a1
        xor     a3, a2, a1
        slli    a4, a3, 7
        srli    a5, a3, 13
        or      a0, a4, a5
        sltu    a6, a0, a1
        sub     a1, a1, a6
        addi    a0, a0, 3
        addi    s0, s0, -1
        bnez    s0, 1b

        mark    'b'
        li      s0, MEMORY_ROUNDS
        la      s1, buffer
        li      s2, 0xff8
        li      a0, 0
1:      and     t0, a0, s2
        add     t0, t0, s1
        ld      t1, 0(t0)
        add     t1, t1, s0
        sd      t1, 0(t0)
        lw      t2, 4(t0)
        sb      t2, 1(t0)
        addi    a0, a0, 72
        addi    s0, s0, -1
        bnez    s0, 1b

        mark    'c'
        li      s0, CALL_ROUNDS
1:      call    leaf
        addi    s0, s0, -1
        bnez    s0, 1b

        mark    'd'
        li      s0, FLOAT_ROUNDS
        li      t0, 3
        fcvt.d.w fa0, t0
        fcvt.d.w fa1, t0
        fdiv.d  fa2, fa1, fa0
        fmv.d   fa3, fa2
1:      fmul.d  fa3, fa3, fa2
        fadd.d  fa3, fa3, fa1
        fmadd.d fa4, fa3, fa2, fa1
        fsub.d  fa3, fa4, fa1
        fdiv.d  fa3, fa3, fa0
        addi    s0, s0, -1
        bnez    s0, 1b

        mark    'e'
        li      a7, 0x53525354                  # SRST: shutdown, no reason
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
2:      wfi
        j       2b

leaf:   addi    sp, sp, -16
        sd      ra, 8(sp)
        addi    sp, sp, 16
        ret

        .bss
        .balign 4096
buffer: .zero   8192
stack:  .zero   4096
stack_end:
