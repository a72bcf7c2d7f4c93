# The board's devices, wherever the device tree says they are.

        .equ    UART_IER, 1
        .equ    UART_IIR, 2
        .equ    UART_FCR, 2
        .equ    UART_LCR, 3
        .equ    UART_MCR, 4
        .equ    UART_LSR, 5
        .equ    UART_MSR, 6
        .equ    UART_SCR, 7

        # Every UART in turn in s0 (its interrupt in s1); the body ends by `next_uart`.
        .macro  each_uart
        ld      t0, UART_COUNT(gp)
        bnez    t0, have\@
        skip    "no ns16550a"
have\@: li      s2, 0
uart_each\@:
        slli    t0, s2, 4
        add     t0, t0, gp
        ld      s0, UARTS(t0)
        ld      s1, UARTS + 8(t0)
        addi    s2, s2, 1
        la      s11, uart_each\@
        .endm

        .macro  next_uart
        ld      t0, UART_COUNT(gp)
        bgeu    s2, t0, last\@
        jr      s11
last\@:
        .endm

test "uart.registers"
        each_uart
        li      t0, 0xa5
        sb      t0, UART_SCR(s0)
        lbu     s3, UART_SCR(s0)
        expect  s3, 0xa5, "scratch"
        lbu     s4, UART_LCR(s0)
        li      t0, 0x83                        # divisor latch, 8 bits
        sb      t0, UART_LCR(s0)
        lbu     s3, UART_LCR(s0)
        expect  s3, 0x83, "line control"
        lbu     s5, 0(s0)
        lbu     s6, 1(s0)
        li      t0, 0x34
        sb      t0, 0(s0)
        li      t0, 0x12
        sb      t0, 1(s0)
        lbu     s3, 0(s0)
        expect  s3, 0x34, "divisor, low byte"
        lbu     s3, 1(s0)
        expect  s3, 0x12, "divisor, high byte"
        sb      s5, 0(s0)
        sb      s6, 1(s0)
        sb      s4, UART_LCR(s0)
        lbu     s5, UART_IER(s0)
        li      t0, 0xff
        sb      t0, UART_IER(s0)
        lbu     s3, UART_IER(s0)
        sb      zero, UART_IER(s0)
        andi    s3, s3, 0xf0
        expect  s3, 0, "upper half of interrupt enable"
        sb      s5, UART_IER(s0)
        next_uart
        pass

test "uart.line status"
        each_uart
        wait_limit s6
1:      lbu     s3, UART_LSR(s0)
        andi    s3, s3, 0x60
        li      t1, 0x60
        beq     s3, t1, 2f
        rdtime  t0
        bltu    t0, s6, 1b
2:      expect  s3, 0x60, "transmitter empty"
        next_uart
        pass

test "uart.fifo"
        each_uart
        li      t0, 1
        sb      t0, UART_FCR(s0)
        lbu     s3, UART_IIR(s0)
        andi    s3, s3, 0xc0
        expect  s3, 0xc0, "FIFO bits of interrupt identification"
        sb      zero, UART_FCR(s0)
        lbu     s3, UART_IIR(s0)
        andi    s3, s3, 0xc0
        expect  s3, 0, "FIFO bits when it is off"
        li      t0, 7                           # on, and emptied
        sb      t0, UART_FCR(s0)
        lbu     s3, UART_LSR(s0)
        andi    s3, s3, 1
        expect  s3, 0, "data ready after the FIFO was emptied"
        next_uart
        pass

test "uart.loopback"
        each_uart
        lbu     s4, UART_MCR(s0)
        li      t0, 0x1a                        # loop, OUT2, RTS
        sb      t0, UART_MCR(s0)
        lbu     s3, UART_MSR(s0)
        andi    s3, s3, 0xf0
        expect  s3, 0x90, "modem lines: DCD from OUT2, CTS from RTS"
        li      t0, 'w'
        sb      t0, 0(s0)
        wait_limit s6
1:      lbu     s3, UART_LSR(s0)
        andi    s3, s3, 1
        bnez    s3, 2f
        rdtime  t0
        bltu    t0, s6, 1b
2:      expect  s3, 1, "data ready"
        lbu     s3, 0(s0)
        expect  s3, 'w', "data"
        sb      s4, UART_MCR(s0)
        next_uart
        pass

# -> a0: the PLIC's context for S-mode on the boot hart, or -1
plic_context:
        addi    sp, sp, -48
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        ld      t0, BOOT_HART(gp)               # the phandle of its interrupt controller
        li      t1, 0
1:      ld      t2, HART_COUNT(gp)
        bgeu    t1, t2, 5f
        slli    t2, t1, 4
        add     t2, t2, gp
        addi    t1, t1, 1
        ld      t3, HART_IDS(t2)
        bne     t3, t0, 1b
        ld      s0, HART_IDS + 8(t2)
        ld      s1, PLIC_INTERRUPTS(gp)         # pairs of phandle and number
        beqz    s1, 5f
        ld      s2, PLIC_INTERRUPTS_LENGTH(gp)
        add     s2, s2, s1
        li      s3, 0
2:      bgeu    s1, s2, 5f
        mv      a0, s1
        call    cell
        mv      t2, a0
        addi    a0, s1, 4
        call    cell
        addi    s1, s1, 8
        bne     t2, s0, 3f
        li      t0, 9                           # supervisor external
        beq     a0, t0, 4f
3:      addi    s3, s3, 1
        j       2b
4:      mv      a0, s3
        j       6f
5:      li      a0, -1
6:      ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        addi    sp, sp, 48
        ret

        # s4: the PLIC, s5: enable bits of our context, s7: its threshold (claim at +4)
        .macro  find_plic
        ld      s4, PLIC(gp)
        bnez    s4, have\@
        skip    "no sifive,plic-1.0.0"
have\@: call    plic_context
        mv      s5, a0
        bgez    s5, context\@
        expect  s5, 0, "no context of the boot hart in interrupts-extended"
context\@:
        slli    t0, s5, 12
        li      t1, 0x200000
        add     s7, s4, t1
        add     s7, s7, t0
        slli    s5, s5, 7
        li      t1, 0x2000
        add     s5, s5, t1
        add     s5, s5, s4
        .endm

test "plic.registers"
        find_plic
        li      t0, 5
        sw      t0, 4(s4)                       # priority of source 1
        lw      s3, 4(s4)
        expect  s3, 5, "priority"
        sw      zero, 4(s4)
        sw      zero, 0(s4)
        lw      s3, 0(s4)
        expect  s3, 0, "priority of source 0"
        li      t0, 3
        sw      t0, 0(s7)
        lw      s3, 0(s7)
        expect  s3, 3, "threshold"
        sw      zero, 0(s7)
        li      t0, 6
        sw      t0, 0(s5)
        lw      s3, 0(s5)
        expect  s3, 6, "enable bits"
        sw      zero, 0(s5)
        lw      s3, 4(s7)
        expect  s3, 0, "claim with nothing pending"
        pass

test "plic.uart transmit interrupt"
        find_plic
        each_uart
        beqz    s1, 9f                          # no interrupt in the device tree
        slli    t0, s1, 2                       # priority 1
        add     t0, t0, s4
        li      t1, 1
        sw      t1, 0(t0)
        srli    s8, s1, 5                       # enable
        slli    s8, s8, 2
        add     s8, s8, s5
        li      t1, 1
        sll     t1, t1, s1
        sw      t1, 0(s8)
        li      t1, 7
        sw      t1, 0(s7)                       # nothing passes the threshold yet
        sd      zero, INTERRUPTS(tp)
        li      t0, 1 << 9
        csrs    sie, t0
        li      t0, 2
        sb      t0, UART_IER(s0)                # transmit holding register empty: it is
        csrsi   sstatus, SSTATUS_SIE
        li      t1, 2000
1:      addi    t1, t1, -1
        bnez    t1, 1b
        csrci   sstatus, SSTATUS_SIE
        ld      s3, INTERRUPTS(tp)
        expect  s3, 0, "interrupts above the threshold"
        sw      zero, 0(s7)
        wait_limit s6
        csrsi   sstatus, SSTATUS_SIE
2:      ld      s3, INTERRUPTS(tp)
        bnez    s3, 3f
        rdtime  t0
        bltu    t0, s6, 2b
3:      csrci   sstatus, SSTATUS_SIE
        expect  s3, 1, "interrupts taken"
        ld      s3, INTERRUPT(tp)
        expect  s3, 9, "its number"
        lw      s3, 4(s7)
        expect_equal s3, s1, "claimed source"
        lw      s3, 4(s7)
        expect  s3, 0, "second claim"
        csrr    s3, sip
        srli    s3, s3, 9
        andi    s3, s3, 1
        expect  s3, 0, "sip.SEIP after the claim"
        lbu     s3, UART_IIR(s0)
        andi    s3, s3, 15
        expect  s3, 2, "interrupt identification"
        lbu     s3, UART_IIR(s0)                # reading took it back
        andi    s3, s3, 15
        expect  s3, 1, "interrupt identification, read again"
        sw      s1, 4(s7)                       # complete
        lw      s3, 4(s7)
        expect  s3, 0, "claim after completion"
        sb      zero, UART_IER(s0)
        sw      zero, 0(s8)
        slli    t0, s1, 2
        add     t0, t0, s4
        sw      zero, 0(t0)
9:      next_uart
        pass

test "rtc.time"
        ld      s0, RTC(gp)
        bnez    s0, 1f
        skip    "no google,goldfish-rtc"
1:      lwu     s1, 0(s0)                       # reading the low half latches the high one
        lwu     s2, 4(s0)
        slli    s2, s2, 32
        or      s1, s1, s2
        li      t0, 1577836800000000000         # 2020
        sltu    s3, s1, t0
        expect  s3, 0, "nanoseconds before 2020"
        wait_limit s6
2:      lwu     s2, 0(s0)
        lwu     s3, 4(s0)
        slli    s3, s3, 32
        or      s2, s2, s3
        sltu    s3, s2, s1
        expect  s3, 0, "it ran backwards"
        bne     s2, s1, 3f
        rdtime  t0
        bltu    t0, s6, 2b
3:      sltu    s3, s1, s2
        expect  s3, 1, "it advances"
        pass

# Reads of every width over every register: they may answer anything, but answer they must.
test "devices.reads of every register"
        li      s1, 0
1:      slli    t0, s1, 3
        la      t1, device_slots
        add     t1, t1, t0
        ld      t1, 0(t1)
        bltz    t1, 4f
        add     t1, t1, gp
        ld      s2, 0(t1)
        beqz    s2, 3f
        li      s3, 0
2:      add     s4, s2, s3
        catch   lbu a0, 0(s4)
        catch   lhu a0, 0(s4)
        catch   lwu a0, 0(s4)
        catch   ld a0, 0(s4)
        addi    s3, s3, 8
        li      t0, 64
        bltu    s3, t0, 2b
3:      addi    s1, s1, 1
        j       1b
4:      pass

        .section .rodata
        .balign 8
device_slots:
        .dword  UARTS, UARTS + 16, UARTS + 32, PLIC, RTC, FINISHER, -1
        .text
