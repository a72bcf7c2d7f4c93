# Several harts: start, stop, interrupts between them, fences on them, shared memory. Works with 1 to 16.

        .equ    ROUNDS, 5000

# Where a started hart begins: a0 = its id, a1 = its block.
        .balign 4
secondary_start:
        mv      tp, a1
        la      gp, globals
        la      t0, harts
        sub     t0, tp, t0
        li      t1, HART_SIZE
        divu    t0, t0, t1
        addi    t0, t0, 1
        li      t1, STACK_SIZE
        mul     t0, t0, t1
        la      sp, stacks
        add     sp, sp, t0
        csrr    t0, satp                        # RESULT: what must be zero at the start
        csrr    t1, sstatus
        andi    t1, t1, SSTATUS_SIE
        or      t0, t0, t1
        ld      t1, HART_ID(tp)
        xor     t1, t1, a0
        or      t0, t0, t1
        sd      t0, RESULT(tp)
        call    hart_setup
        li      t0, 1
        fence   rw, rw
        sd      t0, ALIVE(tp)
secondary_idle:
        csrsi   sie, 2
1:      csrci   sip, 2
        fence   rw, rw
        ld      t0, WORK(tp)
        bnez    t0, 2f
        wfi
        j       1b
2:      fence   rw, rw
        ld      a0, WORK_ARGUMENT(tp)
        jalr    t0
        call    hart_setup_registers
        csrw    satp, zero
        sfence.vma
        fence   rw, rw
        sd      zero, WORK(tp)
        j       secondary_idle

# a0: routine, called as routine(s0 = block, s1 = id) for every other hart; it keeps s0..s2.
for_each:
        addi    sp, sp, -32
        sd      ra, 0(sp)
        sd      a0, 8(sp)
        li      s2, 0
        la      s0, harts
1:      ld      t0, HART_COUNT(gp)
        bgeu    s2, t0, 2f
        slli    t0, s2, 4
        add     t0, t0, gp
        ld      s1, HART_IDS(t0)
        addi    s2, s2, 1
        ld      t0, BOOT_HART(gp)
        beq     s1, t0, 1b
        addi    s0, s0, HART_SIZE
        ld      t0, 8(sp)
        jalr    t0
        j       1b
2:      ld      ra, 0(sp)
        addi    sp, sp, 32
        ret

        .macro  needs_harts
        ld      t0, HART_COUNT(gp)
        li      t1, 2
        bgeu    t0, t1, many\@
        skip    "one hart"
many\@: la      t0, harts + HART_SIZE
        ld      t0, ALIVE(t0)
        bnez    t0, alive\@
        skip    "the other harts did not start"
alive\@:
        .endm

# s0: block; waits until the double word at a0 is a1; fails with the text a2 after the limit
wait_for_value:
        mv      s9, a0
        mv      s10, a1
        mv      s11, a2
        wait_limit s6
1:      ld      t1, 0(s9)
        beq     t1, s10, 2f
        ld      t2, CRASHED(s0)
        bnez    t2, 3f
        rdtime  t0
        bltu    t0, s6, 1b
        mv      a0, s11
        mv      a1, t1
        mv      a2, s10
        j       test_failed
2:      fence   rw, rw
        ret
3:      ld      t0, CAUSE(s0)
        sd      t0, CAUSE(tp)
        ld      t0, EPC(s0)
        sd      t0, EPC(tp)
        ld      t0, TVAL(s0)
        sd      t0, TVAL(tp)
        sd      zero, CRASHED(s0)
        j       test_crashed

        .macro  wait_value address, value, text:vararg
        .section .rodata
text\@: .asciz  \text
        .text
        mv      a0, \address
        li      a1, \value
        la      a2, text\@
        call    wait_for_value
        .endm

# a0: routine, a1: argument: given to every other hart, which an IPI wakes.
give_work:
        addi    sp, sp, -32
        sd      ra, 0(sp)
        sd      a0, WORK_ARGUMENT(tp)           # the boot hart's own block is free for this
        sd      a1, RESULT(tp)
        la      a0, give_one
        call    for_each
        ld      ra, 0(sp)
        addi    sp, sp, 32
        ret
give_one:
        ld      t0, RESULT(tp)
        sd      t0, WORK_ARGUMENT(s0)
        ld      t0, WORK_ARGUMENT(tp)
        fence   rw, rw
        sd      t0, WORK(s0)
        fence   rw, rw
        li      a0, 1                           # one hart: mask 1 from its id on
        mv      a1, s1
        sbi     SBI_IPI, 0
        ret

# Waits until every other hart has done its work.
wait_work:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        la      a0, wait_one
        call    for_each
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret
wait_one:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        addi    t0, s0, WORK
        wait_value t0, 0, "a hart's work is not done in time"
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

        .macro  work routine
        la      a0, \routine
        li      a1, 0
        call    give_work
        .endm

# The status of hart s1, once it is neither about to start nor about to stop: OpenSBI lets both be seen. a0: error, a1: state.
hart_state_settled:
        li      t2, 1000000
1:      mv      a0, s1
        sbi     SBI_HSM, 2
        addi    t2, t2, -1
        beqz    t2, 2f
        addi    t3, a1, -2                      # 2: start pending, 3: stop pending
        li      t4, 2
        bltu    t3, t4, 1b
2:      ret

start_one:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        sd      s1, HART_ID(s0)
        sd      zero, ALIVE(s0)
        sd      zero, WORK(s0)
        call    hart_state_settled
        expect  a0, 0, "error of hart_get_status"
        expect  a1, 1, "state before: stopped"
        mv      a0, s1
        la      a1, secondary_start
        mv      a2, s0
        sbi     SBI_HSM, 0
        expect  a0, 0, "error of hart_start"
        addi    t0, s0, ALIVE
        wait_value t0, 1, "the hart did not come up in time"
        ld      t1, RESULT(s0)
        mv      s3, t1
        expect  s3, 0, "satp, sstatus.SIE or a0 of the started hart"
        call    hart_state_settled
        expect  a1, 0, "state after: started"
        mv      a0, s1
        la      a1, secondary_start
        mv      a2, s0
        sbi     SBI_HSM, 0
        expect  a0, -6, "starting it twice"
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

test "smp.start"
        ld      t0, HART_COUNT(gp)
        li      t1, 2
        bgeu    t0, t1, 1f
        skip    "one hart"
1:      la      a0, start_one
        call    for_each
        pass

test "smp.work by interprocessor interrupt"
        needs_harts
        work    work_nothing
        call    wait_work
        pass
work_nothing:
        ret

test "smp.interprocessor interrupts are taken"
        needs_harts
        work    work_interrupted
        la      a0, interrupt_one
        call    for_each
        call    wait_work
        pass
work_interrupted:
        sd      zero, INTERRUPTS(tp)
        csrci   sip, 2
        csrsi   sie, 2
        csrsi   sstatus, SSTATUS_SIE
        li      t0, 1
        fence   rw, rw
        sd      t0, RESULT(tp)
1:      ld      t0, INTERRUPTS(tp)
        beqz    t0, 1b
        csrci   sstatus, SSTATUS_SIE
        sd      zero, RESULT(tp)
        ret
interrupt_one:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        addi    t0, s0, RESULT
        wait_value t0, 1, "the hart is not ready in time"
        li      a0, 1
        mv      a1, s1
        sbi     SBI_IPI, 0
        expect  a0, 0, "error of send_ipi"
        addi    t0, s0, RESULT
        wait_value t0, 0, "the interrupt did not arrive in time"
        ld      s3, INTERRUPT(s0)
        expect  s3, 1, "its number"
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

        .macro  counting_test name:req, routine:req
        test    "\name"
        needs_harts
        sd      zero, COUNTER(gp)
        sd      zero, COUNTER2(gp)
        work    \routine
        call    \routine
        j       expect_counter
        .endm

# COUNTER must be ROUNDS times the number of harts.
expect_counter:
        call    wait_work
        ld      s0, HART_COUNT(gp)
        li      t0, ROUNDS
        mul     s0, s0, t0
        ld      s1, COUNTER(gp)
        expect_equal s1, s0, "the counter"
        pass

        counting_test "smp.counter by amoadd", work_amoadd
work_amoadd:
        addi    t0, gp, COUNTER
        li      t1, ROUNDS
        li      t2, 1
1:      amoadd.d zero, t2, (t0)
        addi    t1, t1, -1
        bnez    t1, 1b
        ret

        counting_test "smp.counter by lr and sc", work_reserve
work_reserve:
        addi    t0, gp, COUNTER
        li      t1, ROUNDS
1:      lr.d    t2, (t0)
        addi    t2, t2, 1
        sc.d    t3, t2, (t0)
        bnez    t3, 1b
        addi    t1, t1, -1
        bnez    t1, 1b
        ret

        counting_test "smp.counter under a lock", work_lock
work_lock:
        addi    t0, gp, COUNTER
        addi    t4, gp, COUNTER2
        li      t1, ROUNDS
        li      t3, 1
1:      amoswap.w.aq t2, t3, (t4)
        bnez    t2, 1b
        ld      t2, 0(t0)
        addi    t2, t2, 1
        sd      t2, 0(t0)
        amoswap.w.rl zero, zero, (t4)
        addi    t1, t1, -1
        bnez    t1, 1b
        ret

# The others read COUNTER2, then COUNTER; the boot hart writes COUNTER, then COUNTER2. What is read first may not be newer.
test "smp.message passing"
        needs_harts
        sd      zero, COUNTER(gp)
        sd      zero, COUNTER2(gp)
        work    work_reader
        li      t1, ROUNDS
        li      t0, 1
1:      sd      t0, COUNTER(gp)
        fence   w, w
        sd      t0, COUNTER2(gp)
        addi    t0, t0, 1
        bleu    t0, t1, 1b
        call    wait_work
        la      a0, expect_no_result
        call    for_each
        pass
work_reader:
        sd      zero, RESULT(tp)
        li      t3, ROUNDS
1:      ld      t0, COUNTER2(gp)
        fence   r, r
        ld      t1, COUNTER(gp)
        bgeu    t1, t0, 2f
        sd      t0, RESULT(tp)
2:      bltu    t0, t3, 1b
        ret
expect_no_result:
        ld      s3, RESULT(s0)
        expect  s3, 0, "a message before its contents"
        ret

# Every hart runs in one address space, whose mapping the boot hart changes with a remote fence.
        .macro  remote_fence_test name:req, function:req
        test    "\name"
        needs_harts
        li      a0, 3
        call    paging_on
        bnez    a0, have\@
        skip    "no Sv39"
have\@: li      a0, 1                           # an ASID, if there are any
        call    make_satp
        csrw    satp, a0
        sfence.vma
        csrr    s3, satp
        li      s4, VA
        la      s5, pages
        li      t0, 400
        sd      t0, 0(s5)
        map     s4, s5, PTE_RW
        li      t0, 4096
        add     s5, s5, t0
        li      t0, 401
        sd      t0, 0(s5)
        sd      zero, COUNTER(gp)
        la      a0, work_mapped
        mv      a1, s3
        call    give_work
        la      a0, expect_old_mapping
        call    for_each
        li      s4, VA
        la      s5, pages + 4096
        map     s4, s5, PTE_RW
        fence   rw, rw
        li      a0, 0                           # every hart
        li      a1, -1
        li      a2, VA
        li      a3, 4096
        csrr    a4, satp
        slli    a4, a4, 4
        srli    a4, a4, 48
        sbi     SBI_RFENCE, \function
        expect  a0, 0, "error of the remote fence"
        li      t0, 1
        sd      t0, COUNTER(gp)
        call    wait_work
        la      a0, expect_new_mapping
        call    for_each
        pass
        .endm

        remote_fence_test "smp.remote sfence.vma", 1
        remote_fence_test "smp.remote sfence.vma by ASID", 2

work_mapped:
        csrw    satp, a0
        sfence.vma
        li      t1, VA
        ld      t0, 0(t1)
        sd      t0, RESULT(tp)
1:      ld      t0, COUNTER(gp)
        beqz    t0, 1b
        fence   rw, rw
        ld      t0, 0(t1)
        sd      t0, RESULT(tp)
        ret
expect_old_mapping:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        addi    t0, s0, RESULT
        wait_value t0, 400, "the old mapping"
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret
expect_new_mapping:
        ld      s3, RESULT(s0)
        expect  s3, 401, "what the hart read after the remote fence"
        ret

test "smp.remote fence.i"
        needs_harts
        la      s3, pages
        li      s4, 21
        write_function s3, s4
        fence.i
        sd      zero, COUNTER(gp)
        work    work_function
        la      a0, expect_21
        call    for_each
        la      s3, pages
        li      s4, 22
        write_function s3, s4
        fence   rw, rw
        li      a0, 0
        li      a1, -1
        sbi     SBI_RFENCE, 0
        expect  a0, 0, "error of the remote fence"
        li      t0, 1
        sd      t0, COUNTER(gp)
        call    wait_work
        la      a0, expect_22
        call    for_each
        pass
work_function:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        fence.i
        la      t1, pages
        jalr    t1
        sd      a0, RESULT(tp)
1:      ld      t0, COUNTER(gp)
        beqz    t0, 1b
        la      t1, pages
        jalr    t1
        sd      a0, RESULT(tp)
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret
expect_21:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        addi    t0, s0, RESULT
        wait_value t0, 21, "the old function"
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret
expect_22:
        ld      s3, RESULT(s0)
        expect  s3, 22, "what the changed function returned"
        ret

test "smp.stop and start again"
        needs_harts
        work    work_stop
        la      a0, restart_one
        call    for_each
        work    work_nothing
        call    wait_work
        pass
work_stop:
        sbi     SBI_HSM, 1
        sd      a0, RESULT(tp)                  # only a failure returns
        ret
restart_one:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        wait_limit s6
1:      mv      a0, s1
        sbi     SBI_HSM, 2
        li      t1, 1
        beq     a1, t1, 2f
        rdtime  t0
        bltu    t0, s6, 1b
2:      call    start_one
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret
