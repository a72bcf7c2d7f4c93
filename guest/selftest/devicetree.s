# What the tests need of the flattened device tree (Devicetree specification 0.4, chapter 5).
# Children of the root and of /soc are taken to have two address and two size cells, CPUs one address cell.

        .equ    FDT_BEGIN_NODE, 1
        .equ    FDT_END_NODE, 2
        .equ    FDT_PROP, 3
        .equ    FDT_NOP, 4

        # Properties of the node being read; pointers into the tree, 0 when absent.
        .equ    N_COMPATIBLE, 0
        .equ    N_REG, 16
        .equ    N_INTERRUPTS, 32
        .equ    N_INTERRUPTS_EXTENDED, 48
        .equ    N_ISA, 64
        .equ    N_ISA_EXTENSIONS, 80
        .equ    N_PHANDLE, 96
        .equ    N_DEVICE_TYPE, 112
        .equ    N_TIMEBASE, 128
        .equ    N_CBOZ, 144
        .equ    N_CBOM, 160
        .equ    N_SIZE, 176

# a0: address of a big-endian 32-bit cell -> a0: its value. Clobbers t0, t1.
cell:
        lbu     t0, 0(a0)
        lbu     t1, 1(a0)
        slli    t0, t0, 8
        or      t0, t0, t1
        lbu     t1, 2(a0)
        slli    t0, t0, 8
        or      t0, t0, t1
        lbu     t1, 3(a0)
        slli    t0, t0, 8
        or      a0, t0, t1
        ret

# a0, a1: strings -> a0: 1 when equal. Clobbers t0, t1.
same_string:
        lbu     t0, 0(a0)
        lbu     t1, 0(a1)
        bne     t0, t1, 1f
        addi    a0, a0, 1
        addi    a1, a1, 1
        bnez    t0, same_string
        li      a0, 1
        ret
1:      li      a0, 0
        ret

read_device_tree:
        addi    sp, sp, -N_SIZE - 112
        sd      ra, N_SIZE(sp)
        sd      s0, N_SIZE + 8(sp)
        sd      s1, N_SIZE + 16(sp)
        sd      s2, N_SIZE + 24(sp)
        sd      s3, N_SIZE + 32(sp)
        sd      s4, N_SIZE + 40(sp)
        ld      s0, DTB(gp)
        beqz    s0, tree_end
        mv      a0, s0
        call    cell
        li      t0, 0xd00dfeed
        bne     a0, t0, tree_end
        addi    a0, s0, 8                       # off_dt_struct
        call    cell
        add     s1, s0, a0                      # s1: token
        addi    a0, s0, 12                      # off_dt_strings
        call    cell
        add     s2, s0, a0                      # s2: names
        call    clear_node
tree_token:
        mv      a0, s1
        call    cell
        addi    s1, s1, 4
        li      t0, FDT_PROP
        beq     a0, t0, tree_property
        li      t0, FDT_NOP
        beq     a0, t0, tree_token
        mv      s3, a0
        call    end_node                        # a child, or the end, ends a node's properties
        call    clear_node
        li      t0, FDT_END_NODE
        beq     s3, t0, tree_token
        li      t0, FDT_BEGIN_NODE
        bne     s3, t0, tree_end
1:      lbu     t0, 0(s1)                       # skip the name
        addi    s1, s1, 1
        bnez    t0, 1b
        addi    s1, s1, 3
        andi    s1, s1, -4
        j       tree_token

tree_property:
        mv      a0, s1
        call    cell
        mv      s3, a0                          # s3: length
        addi    a0, s1, 4
        call    cell
        add     s4, s2, a0                      # s4: name
        addi    s1, s1, 8
        la      t2, node_properties
        mv      t3, sp
1:      mv      a0, s4
        mv      a1, t2
        call    same_string
        beqz    a0, 2f
        sd      s1, 0(t3)
        sd      s3, 8(t3)
2:      lbu     t0, 0(t2)                       # next name of ours
        addi    t2, t2, 1
        bnez    t0, 2b
        addi    t3, t3, 16
        lbu     t0, 0(t2)
        bnez    t0, 1b
        add     s1, s1, s3
        addi    s1, s1, 3
        andi    s1, s1, -4
        j       tree_token

tree_end:
        ld      ra, N_SIZE(sp)
        ld      s0, N_SIZE + 8(sp)
        ld      s1, N_SIZE + 16(sp)
        ld      s2, N_SIZE + 24(sp)
        ld      s3, N_SIZE + 32(sp)
        ld      s4, N_SIZE + 40(sp)
        addi    sp, sp, N_SIZE + 112
        ret

# sp: the node record of read_device_tree, in this and the next
clear_node:
        mv      t0, sp
        addi    t1, sp, N_SIZE
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        ret

end_node:
        sd      ra, N_SIZE + 64(sp)
        ld      a0, N_TIMEBASE(sp)
        beqz    a0, 1f
        call    cell
        sd      a0, TIMEBASE(gp)
1:      ld      a0, N_DEVICE_TYPE(sp)
        beqz    a0, 2f
        la      a1, type_cpu
        call    same_string
        bnez    a0, end_cpu
        ld      a0, N_DEVICE_TYPE(sp)
        la      a1, type_memory
        call    same_string
        beqz    a0, 2f
        call    reg_address
        beqz    a0, 2f
        sd      a0, MEMORY_BASE(gp)
        ld      a0, N_REG(sp)
        addi    a0, a0, 8
        call    cell64
        sd      a0, MEMORY_SIZE(gp)
        j       end_done
2:      ld      t2, N_COMPATIBLE(sp)            # each of its names
        beqz    t2, end_done
        ld      t3, N_COMPATIBLE + 8(sp)
        add     t3, t3, t2
3:      bgeu    t2, t3, end_done
        mv      a0, t2
        la      a1, name_uart
        call    same_string
        bnez    a0, end_uart
        mv      a0, t2
        la      a1, name_plic
        call    same_string
        bnez    a0, end_plic
        mv      a0, t2
        la      a1, name_rtc
        call    same_string
        bnez    a0, end_rtc
        mv      a0, t2
        la      a1, name_finisher
        call    same_string
        bnez    a0, end_finisher
        mv      a0, t2
        la      a1, name_intc
        call    same_string
        bnez    a0, end_intc
4:      lbu     t0, 0(t2)
        addi    t2, t2, 1
        bnez    t0, 4b
        j       3b

end_cpu:
        ld      t2, HART_COUNT(gp)
        li      t0, MAX_HARTS
        bgeu    t2, t0, end_done
        ld      a0, N_REG(sp)
        beqz    a0, end_done
        call    cell
        slli    t3, t2, 4
        add     t3, t3, gp
        sd      a0, HART_IDS(t3)
        addi    t2, t2, 1
        sd      t2, HART_COUNT(gp)
        ld      t0, N_ISA(sp)
        ld      t1, N_ISA + 8(sp)
        ld      t2, N_ISA_EXTENSIONS(sp)
        beqz    t2, 1f
        mv      t0, t2
        ld      t1, N_ISA_EXTENSIONS + 8(sp)
1:      sd      t0, ISA(gp)
        sd      t1, ISA_LENGTH(gp)
        ld      a0, N_CBOZ(sp)
        beqz    a0, 2f
        call    cell
        sd      a0, CBOZ_SIZE(gp)
2:      ld      a0, N_CBOM(sp)
        beqz    a0, end_done
        call    cell
        sd      a0, CBOM_SIZE(gp)
        j       end_done

end_intc:                                       # the child of the CPU just read
        ld      t2, HART_COUNT(gp)
        ld      a0, N_PHANDLE(sp)
        beqz    t2, end_done
        beqz    a0, end_done
        call    cell
        slli    t3, t2, 4
        add     t3, t3, gp
        sd      a0, HART_IDS - 16 + 8(t3)
        j       end_done

end_uart:
        call    reg_address
        beqz    a0, end_done
        ld      t2, UART_COUNT(gp)
        li      t0, MAX_UARTS
        bgeu    t2, t0, end_done
        slli    t3, t2, 4
        add     t3, t3, gp
        sd      a0, UARTS(t3)
        addi    t2, t2, 1
        sd      t2, UART_COUNT(gp)
        ld      a0, N_INTERRUPTS(sp)
        beqz    a0, end_done
        call    cell
        sd      a0, UARTS + 8(t3)
        j       end_done

end_plic:
        call    reg_address
        sd      a0, PLIC(gp)
        ld      t0, N_INTERRUPTS_EXTENDED(sp)
        sd      t0, PLIC_INTERRUPTS(gp)
        ld      t0, N_INTERRUPTS_EXTENDED + 8(sp)
        sd      t0, PLIC_INTERRUPTS_LENGTH(gp)
        j       end_done

end_rtc:
        call    reg_address
        sd      a0, RTC(gp)
        j       end_done

end_finisher:
        call    reg_address
        sd      a0, FINISHER(gp)
end_done:
        ld      ra, N_SIZE + 64(sp)
        ret

# -> a0: the node's first address, 0 without reg
reg_address:
        ld      a0, N_REG(sp)
        beqz    a0, 1f
# a0: address of two big-endian cells -> a0: their value
cell64:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        sd      a0, 8(sp)
        call    cell
        slli    t4, a0, 32
        ld      a0, 8(sp)
        addi    a0, a0, 4
        call    cell
        or      a0, a0, t4
        ld      ra, 0(sp)
        addi    sp, sp, 16
1:      ret

# a0: name; ends at a blank, '_' or zero -> a0: 1 when the isa has it. Both forms of the property are searched: a list of names, and
# "rv64imafdc_zba_zbb", whose single letters follow the fourth character.
has_extension:
        ld      t0, ISA(gp)
        beqz    t0, 9f
        ld      t1, ISA_LENGTH(gp)
        add     t1, t1, t0                      # t0..t1: the property
        li      t5, 33
        li      t6, '_'
1:      mv      t2, a0                          # compare at the start of a name
        mv      t3, t0
2:      lbu     t4, 0(t2)
        bltu    t4, t5, 3f
        lbu     a1, 0(t3)
        bne     a1, t4, 4f
        addi    t2, t2, 1
        addi    t3, t3, 1
        j       2b
3:      lbu     a1, 0(t3)                       # ours ended: theirs must too
        beqz    a1, 8f
        beq     a1, t6, 8f
4:      bgeu    t0, t1, 9f                      # to the next name
        lbu     a1, 0(t0)
        addi    t0, t0, 1
        beqz    a1, 5f
        bne     a1, t6, 4b
5:      bltu    t0, t1, 1b
9:      li      a0, 0
        ret
8:      li      a0, 1
        ret

        .section .rodata
node_properties:
        .asciz  "compatible", "reg", "interrupts", "interrupts-extended", "riscv,isa", "riscv,isa-extensions", "phandle", "device_type"
        .asciz  "timebase-frequency", "riscv,cboz-block-size", "riscv,cbom-block-size", ""
type_cpu:       .asciz "cpu"
type_memory:    .asciz "memory"
name_uart:      .asciz "ns16550a"
name_plic:      .asciz "sifive,plic-1.0.0"
name_rtc:       .asciz "google,goldfish-rtc"
name_finisher:  .asciz "sifive,test0"
name_intc:      .asciz "riscv,cpu-intc"
        .text
