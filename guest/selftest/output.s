# Output: a line is put together in memory and goes out as a whole, through the SBI debug console, or else the first UART.

choose_output:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        li      a0, SBI_DBCN
        sbi     SBI_BASE, 3
        sd      a1, HAS_DBCN(gp)
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

# a0: character; keeps everything but t0, t1
put_character:
        ld      t0, LINE_LENGTH(gp)
        li      t1, LINE_SIZE - 1
        bgeu    t0, t1, 1f
        add     t1, t0, gp
        sb      a0, LINE(t1)
        addi    t0, t0, 1
        sd      t0, LINE_LENGTH(gp)
1:      ret

# a0: string
put_string:
        mv      t2, ra
        mv      t3, a0
1:      lbu     a0, 0(t3)
        beqz    a0, 2f
        call    put_character
        addi    t3, t3, 1
        j       1b
2:      mv      ra, t2
        ret

# a0: list of strings, a1: length in bytes; written with blanks between
put_list:
        mv      t2, ra
        mv      t3, a0
        add     t4, a0, a1
        addi    t4, t4, -1
1:      bgeu    t3, t4, 3f
        lbu     a0, 0(t3)
        bnez    a0, 2f
        li      a0, ' '
2:      call    put_character
        addi    t3, t3, 1
        j       1b
3:      mv      ra, t2
        ret

# a0: number
put_hex:
        mv      t2, ra
        mv      t3, a0
        li      t4, 60                          # no leading zeroes
1:      srl     a0, t3, t4
        bnez    a0, 2f
        addi    t4, t4, -4
        bgtz    t4, 1b
2:      srl     a0, t3, t4
        andi    a0, a0, 15
        addi    a0, a0, '0'
        li      t0, '9'
        bleu    a0, t0, 3f
        addi    a0, a0, 'a' - '0' - 10
3:      call    put_character
        addi    t4, t4, -4
        bgez    t4, 2b
        mv      ra, t2
        ret

# a0: number
put_decimal:
        mv      t2, ra
        mv      t3, a0
        li      t4, 1
        li      t5, 10
1:      divu    t0, t3, t4
        bltu    t0, t5, 2f
        mul     t4, t4, t5
        j       1b
2:      divu    a0, t3, t4
        remu    t3, t3, t4
        addi    a0, a0, '0'
        call    put_character
        divu    t4, t4, t5
        bnez    t4, 2b
        mv      ra, t2
        ret

put_test_name:
        ld      t0, RUNNING(gp)
        ld      a0, 0(t0)
        la      t0, _start
        add     a0, a0, t0
        j       put_string

end_line:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        li      a0, '\n'
        call    put_character
        ld      t0, HAS_DBCN(gp)
        beqz    t0, 2f
        addi    a1, gp, LINE
        ld      a0, LINE_LENGTH(gp)
1:      sd      a0, LINE_LENGTH(gp)
        sd      a1, 8(sp)
        li      a2, 0
        sbi     SBI_DBCN, 0
        bnez    a0, 2f                          # refused: the UART, then
        mv      t0, a1                          # it may take less than all
        ld      a0, LINE_LENGTH(gp)
        ld      a1, 8(sp)
        add     a1, a1, t0
        sub     a0, a0, t0
        bgtz    a0, 1b
        j       4f
2:      ld      t0, UART_COUNT(gp)
        beqz    t0, 4f
        ld      t0, UARTS(gp)
        addi    t1, gp, LINE
        ld      t2, LINE_LENGTH(gp)
        add     t2, t2, t1
3:      lbu     t3, 5(t0)                       # LSR: transmit holding register empty
        andi    t3, t3, 0x20
        beqz    t3, 3b
        lbu     t3, 0(t1)
        sb      t3, 0(t0)
        addi    t1, t1, 1
        bltu    t1, t2, 3b
4:      sd      zero, LINE_LENGTH(gp)
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

# Until the UART has sent everything, for boards that drop it at power off; bounded.
wait_output:
        ld      t0, UART_COUNT(gp)
        beqz    t0, 2f
        ld      t0, UARTS(gp)
        li      t1, 1000000
1:      lbu     t2, 5(t0)
        andi    t2, t2, 0x40
        bnez    t2, 2f
        addi    t1, t1, -1
        bnez    t1, 1b
2:      ret
