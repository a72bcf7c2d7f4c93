# Counters and timers. Waits are bounded by ten seconds of guest time; nothing depends on how fast the host is.

        .macro  wait_limit reg
        ld      \reg, TIMEBASE(gp)
        bnez    \reg, have\@
        li      \reg, 10000000
have\@: li      t0, 10
        mul     \reg, \reg, t0
        rdtime  t0
        add     \reg, \reg, t0
        .endm

test "counters.advance"
        rdcycle s0
        rdtime  s1
        rdinstret s2
        li      s3, 20000
1:      addi    s3, s3, -1
        bnez    s3, 1b
        rdinstret s4
        sub     s4, s4, s2
        li      t0, 40000
        sltu    s5, s4, t0
        expect  s5, 0, "instret advanced by less than was executed"
        rdcycle s4
        sltu    s5, s0, s4
        expect  s5, 1, "cycle advances"
        wait_limit s6
2:      rdtime  s4
        bgtu    s4, s6, 3f
        beq     s4, s1, 2b
3:      sltu    s5, s1, s4
        expect  s5, 1, "time advances"
        pass

test "counters.time is monotonic"
        li      s0, 5000
        rdtime  s1
1:      rdtime  s2
        sltu    s3, s2, s1
        expect  s3, 0, "time ran backwards"
        mv      s1, s2
        addi    s0, s0, -1
        bnez    s0, 1b
        pass

test "counters.scounteren guards them in U"
        la      s0, user_rdtime
        csrw    scounteren, zero
        run_user s0
        ld      s1, CAUSE(tp)
        expect  s1, CAUSE_ILLEGAL, "rdtime in U, not permitted"
        li      t0, 7
        csrw    scounteren, t0
        run_user s0
        ld      s1, CAUSE(tp)
        expect  s1, CAUSE_ECALL_USER, "rdtime in U, permitted"
        pass
        .balign 4
user_rdtime:
        rdtime  a0
        rdcycle a0
        rdinstret a0
        ecall

        # s0: when it is due. Waits with sstatus.SIE set until an interrupt has come; checks that it is the timer's and not early.
expect_timer:
        mv      s10, ra
        wait_limit s6
        sd      zero, INTERRUPTS(tp)
        li      t0, 1 << 5
        csrs    sie, t0
        csrsi   sstatus, SSTATUS_SIE
1:      ld      s1, INTERRUPTS(tp)
        bnez    s1, 2f
        rdtime  t0
        bltu    t0, s6, 1b
2:      csrci   sstatus, SSTATUS_SIE
        rdtime  s2
        expect  s1, 1, "interrupts taken"
        ld      s1, INTERRUPT(tp)
        expect  s1, 5, "its number"
        sltu    s1, s2, s0
        expect  s1, 0, "it came early"
        jr      s10

test "timer.SBI set_timer"
        li      a0, SBI_TIME
        sbi     SBI_BASE, 3
        bnez    a1, 1f
        skip    "no SBI TIME extension"
1:      rdtime  s0
        li      t0, 20000
        add     s0, s0, t0
        mv      a0, s0
        sbi     SBI_TIME, 0
        expect  a0, 0, "its error"
        call    expect_timer
        csrr    s1, sip
        andi    s1, s1, 1 << 5
        expect  s1, 1 << 5, "sip.STIP while the time is past"
        li      a0, -1
        sbi     SBI_TIME, 0
        csrr    s1, sip
        andi    s1, s1, 1 << 5
        expect  s1, 0, "sip.STIP after setting it to never"
        pass

test "timer.set in the past"
        li      s0, 0
        mv      a0, s0
        sbi     SBI_TIME, 0
        call    expect_timer
        li      a0, -1
        sbi     SBI_TIME, 0
        pass

test "timer.stimecmp (Sstc)"
        needs   sstc
        rdtime  s0
        li      t0, 20000
        add     s0, s0, t0
        csrw    stimecmp, s0
        csrr    s1, stimecmp
        expect_equal s1, s0, "stimecmp"
        call    expect_timer
        li      t0, -1
        csrw    stimecmp, t0
        csrr    s1, sip
        andi    s1, s1, 1 << 5
        expect  s1, 0, "sip.STIP after setting it to never"
        csrw    stimecmp, zero
        csrr    s1, sip
        andi    s1, s1, 1 << 5
        expect  s1, 1 << 5, "sip.STIP at once"
        li      t0, -1
        csrw    stimecmp, t0
        pass

test "timer.wfi sleeps until it"
        rdtime  s0
        li      t0, 50000
        add     s0, s0, t0
        mv      a0, s0
        sbi     SBI_TIME, 0
        li      t0, 1 << 5
        csrs    sie, t0
        wait_limit s6
1:      wfi                                     # may return early
        csrr    t1, sip
        andi    t1, t1, 1 << 5
        bnez    t1, 2f
        rdtime  t0
        bltu    t0, s6, 1b
2:      rdtime  s1
        sltu    s2, s1, s0
        expect  s2, 0, "it woke early"
        li      a0, -1
        sbi     SBI_TIME, 0
        pass
