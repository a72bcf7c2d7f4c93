# Exceptions: their causes, sepc, stval, and what sstatus keeps.

        .equ    NOWHERE, 0x180000               # between the finisher and the PLIC: no device, no memory

test "traps.illegal instruction"
        catch   .word 0xffffffff
        expect_trap CAUSE_ILLEGAL, "scause"
        ld      s0, TVAL(tp)
        beqz    s0, 1f
        expect  s0, 0xffffffff, "stval, neither 0 nor the instruction"
1:      pass

test "traps.illegal compressed"
        catch   .half 0, 0x0001
        expect_trap CAUSE_ILLEGAL, "scause"
        ld      s0, TVAL(tp)
        expect  s0, 0, "stval"
        pass

test "traps.breakpoint"
        catch   ebreak
        expect_trap CAUSE_BREAKPOINT, "scause"
        catch   c.ebreak
        expect_trap CAUSE_BREAKPOINT, "scause of c.ebreak"
        pass

test "traps.ecall from user"
        la      s0, user_ecall
        run_user s0
        ld      s1, CAUSE(tp)
        expect  s1, CAUSE_ECALL_USER, "scause"
        ld      s1, EPC(tp)
        expect_equal s1, s0, "sepc"
        ld      s1, TVAL(tp)
        expect  s1, 0, "stval"
        ld      s1, STATUS(tp)
        andi    s1, s1, SSTATUS_SPP
        expect  s1, 0, "sstatus.SPP after a trap from U"
        pass
        .balign 4
user_ecall:
        ecall

test "traps.sstatus across a trap"
        csrsi   sstatus, SSTATUS_SIE
        catch   .word 0
        expect_trap CAUSE_ILLEGAL, "scause"
        ld      s1, STATUS(tp)
        andi    s1, s1, SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP
        expect  s1, SSTATUS_SPIE | SSTATUS_SPP, "sstatus in the handler"
        csrr    s1, sstatus                     # sret: SIE is SPIE (the handler cleared it), SPIE is 1, SPP is U
        andi    s1, s1, SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP
        expect  s1, SSTATUS_SPIE, "sstatus after sret"
        pass

test "traps.machine CSRs are illegal"
        catch   csrr a0, mstatus
        expect_trap CAUSE_ILLEGAL, "scause of reading mstatus"
        catch   csrr a0, mhartid
        expect_trap CAUSE_ILLEGAL, "scause of reading mhartid"
        catch   csrw mtvec, zero
        expect_trap CAUSE_ILLEGAL, "scause of writing mtvec"
        catch   mret
        expect_trap CAUSE_ILLEGAL, "scause of mret"
        pass

test "traps.CSR write rules"
        catch   csrw cycle, zero
        expect_trap CAUSE_ILLEGAL, "scause of writing cycle"
        catch   csrs cycle, zero                # rs1 = x0 does not write
        expect_no_trap "scause of csrs cycle, x0"
        catch   csrsi time, 0
        expect_no_trap "scause of csrsi time, 0"
        catch   csrsi time, 1
        expect_trap CAUSE_ILLEGAL, "scause of csrsi time, 1"
        catch   csrr a0, 0x8ff
        expect_trap CAUSE_ILLEGAL, "scause of reading a CSR that does not exist"
        pass

test "traps.supervisor instructions in U"
        .macro  user_illegal code, text:vararg
        j       over\@
        .balign 4
code\@: \code
        ecall
over\@: la      s0, code\@
        run_user s0
        ld      s1, CAUSE(tp)
        expect  s1, CAUSE_ILLEGAL, \text
        .endm
        user_illegal "csrr a0, sstatus", "scause of reading sstatus in U"
        user_illegal "csrr a0, satp", "scause of reading satp in U"
        user_illegal "sret", "scause of sret in U"
        user_illegal "sfence.vma", "scause of sfence.vma in U"
        pass

test "traps.load access fault"
        li      s0, NOWHERE
        catch   ld a0, 0(s0)
        expect_trap CAUSE_LOAD_ACCESS, "scause"
        expect_value s0, "stval"
        catch   lbu a0, 3(s0)
        expect_trap CAUSE_LOAD_ACCESS, "scause of lbu"
        pass

test "traps.store access fault"
        li      s0, NOWHERE
        catch   sw a0, 4(s0)
        expect_trap CAUSE_STORE_ACCESS, "scause"
        addi    s1, s0, 4
        expect_value s1, "stval"
        pass

test "traps.atomic access fault"
        unless_qemu 1f
        j       3f
1:      skip    "QEMU retries an atomic access to nowhere for ever"
3:      li      s0, NOWHERE
        catch   amoadd.w a0, a1, (s0)
        expect_trap CAUSE_STORE_ACCESS, "scause of amoadd"
        expect_value s0, "stval of amoadd"
        catch   lr.w a0, (s0)
        expect_trap CAUSE_LOAD_ACCESS, "scause of lr"
        catch   sc.w a0, a1, (s0)
        ld      t5, CAUSE(tp)
        li      t6, NO_TRAP                     # without a reservation, sc may fail before it looks
        beq     t5, t6, 2f
        expect  t5, CAUSE_STORE_ACCESS, "scause of sc"
2:      pass

test "traps.fetch access fault"
        li      s0, NOWHERE
        la      t6, 1f
        sd      t6, RESUME(tp)
        jr      s0
1:      ld      s1, CAUSE(tp)
        expect  s1, CAUSE_FETCH_ACCESS, "scause"
        ld      s1, EPC(tp)
        expect_equal s1, s0, "sepc"
        ld      s1, TVAL(tp)
        expect_equal s1, s0, "stval"
        pass

test "traps.misaligned load and store"
        la      s0, pages
        li      s1, 0x1122334455667788
        li      s2, 4093                        # across a page too
        add     s2, s2, s0
        catch   sd s1, 0(s2)
        ld      t5, CAUSE(tp)
        li      t6, CAUSE_STORE_MISALIGNED
        beq     t5, t6, 1f                      # allowed; then the load must trap likewise
        expect  t5, NO_TRAP, "scause of the store"
        catch   ld s3, 0(s2)
        expect_no_trap "scause of the load"
        expect_equal s3, s1, "value"
        lbu     s3, 2(s2)
        expect  s3, 0x66, "third byte"
        catch   lhu s3, 2(s2)                   # two bytes on either side
        expect_no_trap "scause of lhu"
        expect  s3, 0x5566, "half"
        pass
1:      catch   ld s3, 0(s2)
        expect_trap CAUSE_LOAD_MISALIGNED, "scause of the load"
        expect_value s2, "stval of the load"
        pass

test "traps.misaligned atomics"
        la      s0, pages
        addi    s1, s0, 2
        catch   amoadd.w a0, zero, (s1)
        ld      t5, CAUSE(tp)
        li      t6, CAUSE_STORE_ACCESS
        beq     t5, t6, 1f
        ld      t0, SBI_IMPLEMENTATION(gp)
        xori    t0, t0, 1
        xori    t1, t5, CAUSE_LOAD_MISALIGNED   # QEMU's wrong answer
        or      t0, t0, t1
        beqz    t0, 1f
        expect  t5, CAUSE_STORE_MISALIGNED, "scause of amoadd"
1:      addi    s1, s0, 4
        catch   lr.d a0, (s1)
        ld      t5, CAUSE(tp)
        li      t6, CAUSE_LOAD_ACCESS
        beq     t5, t6, 2f
        expect  t5, CAUSE_LOAD_MISALIGNED, "scause of lr"
2:      pass

test "traps.sepc and stvec are WARL"
        li      s0, 0x80201235
        csrw    sepc, s0
        csrr    s1, sepc
        andi    s1, s1, 1
        unless_qemu 1f                          # it keeps the bit, and ignores it
        expect  s1, 0, "bit 0 of sepc"
1:
        la      s0, trap_entry
        csrw    stvec, s0
        csrr    s1, stvec
        expect_equal s1, s0, "stvec"
        li      s0, -1
        csrw    sscratch, s0
        csrr    s1, sscratch
        csrw    sscratch, tp
        expect_equal s1, s0, "sscratch"
        pass

test "traps.vectored interrupts"
        la      s0, vector_table
        ori     s1, s0, 1
        csrw    stvec, s1
        csrr    s2, stvec
        expect_equal s2, s1, "stvec in vectored mode"
        li      s3, 0
        csrsi   sip, 2
        csrsi   sie, 2
        csrsi   sstatus, SSTATUS_SIE            # the software interrupt goes to entry 1, which sets s3
        nop
        csrci   sstatus, SSTATUS_SIE
        expect  s3, 1, "entry taken"
        pass
        .balign 256
vector_table:
        j       vector_wrong
        j       vector_one
        .rept   14
        j       vector_wrong
        .endr
vector_one:
        li      s3, 1
        csrci   sip, 2
        sret
vector_wrong:
        li      s3, 2
        csrci   sip, 2
        csrci   sie, 2
        sret

test "traps.software interrupt"
        sd      zero, INTERRUPTS(tp)
        csrsi   sip, 2
        csrsi   sie, 2
        ld      s0, INTERRUPTS(tp)
        expect  s0, 0, "interrupts taken while sstatus.SIE is clear"
        csrsi   sstatus, SSTATUS_SIE
        nop
        csrci   sstatus, SSTATUS_SIE
        ld      s0, INTERRUPTS(tp)
        expect  s0, 1, "interrupts taken"
        ld      s0, INTERRUPT(tp)
        expect  s0, 1, "its number"
        pass

test "traps.interrupts reach S from U whatever SIE"
        sd      zero, INTERRUPTS(tp)
        csrsi   sip, 2
        csrsi   sie, 2
        la      s0, user_ecall
        run_user s0
        ld      s1, INTERRUPTS(tp)
        expect  s1, 1, "interrupts taken"
        ld      s1, CAUSE(tp)
        expect  s1, CAUSE_ECALL_USER, "scause afterwards"
        pass

test "traps.wfi with an interrupt pending"
        csrsi   sip, 2
        csrsi   sie, 2
        wfi                                     # SIE is clear: resumes, without a trap
        csrci   sie, 2
        csrci   sip, 2
        pass
