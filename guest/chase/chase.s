# A pointer chase over 256 MiB in 4 KiB pages, for `warren bench tlb-miss`: bare metal, S-mode, one hart, guest paging on.
#
# The pages form one random cycle, with one pointer each, at line (page mod 64) of the page, so that they do not meet in a cache set. No TLB
# holds them: all but a few loads miss. A second cycle goes through as many lines, packed into 1024 pages: the data caches are in the same
# position, but each load hits the TLB, so that the difference between the two is what a miss costs. The host defines LEVELS (3, 4 or 5: Sv39,
# Sv48, Sv57), and times the rounds by the lines "<letter>" on the first UART. Ends by SBI system reset.

        .equ    UART, 0x10000000
        .equ    PAGES, 65536
        .equ    STEPS, PAGES * 32               # timed loads of each cycle
        .equ    PACKED, 8                       # where in its line a pointer of the second cycle is
        .equ    TABLES, 0x84000000              # root first, then one a level down to 2 MiB, then 128 tables of 4 KiB leaves
        .equ    ORDER, 0x85000000               # u32 next[PAGES]
        .equ    DATA, 0x90000000                # physical
        .equ    WINDOW, 0x1000000000            # virtual: 64 GiB
        .equ    POINTER, 1                      # V
        .equ    RWXAD, 0xcf                     # V R W X A D
        .equ    RWAD, 0xc7                      # V R W A D

        .macro  mark letter
        li      t6, UART
        li      t5, \letter
        sb      t5, 0(t6)
        li      t5, 10
        sb      t5, 0(t6)
        .endm

        # Offset of element \index of the cycle that s2 tells: 0 a page apart, PACKED a line apart.
        .macro  place out:req, index:req
        slli    \out, \index, 6
        bnez    s2, placed\@
        andi    \out, \index, 63
        slli    \out, \out, 6
        slli    t6, \index, 12
        or      \out, \out, t6
placed\@:
        add     \out, \out, s2
        .endm

        .text
        .global _start
_start:
        call    map
        li      s2, 0
        call    link
        li      s2, PACKED
        call    link

        li      t0, LEVELS + 5
        slli    t0, t0, 60
        li      t1, TABLES >> 12
        or      t0, t0, t1
        sfence.vma
        csrw    satp, t0
        sfence.vma

        li      a0, WINDOW                      # once around: everything is mapped, and the host has compiled what it runs
        li      s0, PAGES
        call    chase
        li      a0, WINDOW + PACKED
        li      s0, PAGES
        call    chase
        mark    'a'
        li      a0, WINDOW
        li      s0, STEPS
        call    chase
        mark    'b'
        li      a0, WINDOW + PACKED
        li      s0, STEPS
        call    chase
        mark    'c'

        li      a7, 0x53525354                  # SRST: shutdown, no reason
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      wfi
        j       1b

# a0: first pointer, s0: loads, a multiple of 16
chase:
1:
        .rept   16
        ld      a0, 0(a0)
        .endr
        addi    s0, s0, -16
        bnez    s0, 1b
        ret

# The window onto DATA in 4 KiB pages; the first gigabyte (devices) and the third (this code) onto themselves.
map:
        li      t0, TABLES                      # down to the table of gigabytes: the first entry of each
        li      t2, 4096
        li      t3, LEVELS - 3
1:      beqz    t3, 2f
        add     t1, t0, t2
        srli    t4, t1, 2
        ori     t4, t4, POINTER
        sd      t4, 0(t0)
        mv      t0, t1
        addi    t3, t3, -1
        j       1b
2:      li      t4, RWXAD
        sd      t4, 0(t0)
        li      t4, (0x80000000 >> 2) | RWXAD
        sd      t4, 16(t0)
        add     t1, t0, t2                      # the window's table of 2 MiB
        srli    t4, t1, 2
        ori     t4, t4, POINTER
        sd      t4, (WINDOW >> 30) * 8(t0)
        add     t0, t1, t2                      # the first table of leaves
        li      t5, PAGES / 512
        li      t6, (DATA >> 2) | RWAD
3:      srli    t4, t0, 2
        ori     t4, t4, POINTER
        sd      t4, 0(t1)
        addi    t1, t1, 8
        add     t3, t0, t2
4:      sd      t6, 0(t0)
        addi    t6, t6, 1 << 10
        addi    t0, t0, 8
        bltu    t0, t3, 4b
        addi    t5, t5, -1
        bnez    t5, 3b
        ret

# One random cycle through all elements (Sattolo's shuffle), as pointers.
link:
        li      a0, ORDER
        li      s1, PAGES
        li      t0, 0
1:      slli    t1, t0, 2
        add     t1, t1, a0
        sw      t0, 0(t1)
        addi    t0, t0, 1
        bltu    t0, s1, 1b
        addi    t0, s1, -1                      # i, from the last to 1
        li      a1, 0x9e3779b97f4a7c15          # xorshift
2:      slli    t1, a1, 13
        xor     a1, a1, t1
        srli    t1, a1, 7
        xor     a1, a1, t1
        slli    t1, a1, 17
        xor     a1, a1, t1
        remu    t1, a1, t0                      # j < i
        slli    t2, t0, 2
        add     t2, t2, a0
        slli    t1, t1, 2
        add     t1, t1, a0
        lw      t3, 0(t1)
        lw      t4, 0(t2)
        sw      t4, 0(t1)
        sw      t3, 0(t2)
        addi    t0, t0, -1
        bnez    t0, 2b

        li      a2, DATA
        li      a3, WINDOW
3:      slli    t1, t0, 2                       # element t0 points to element t1
        add     t1, t1, a0
        lwu     t1, 0(t1)
        place   t2, t1
        add     t2, t2, a3
        place   t3, t0
        add     t3, t3, a2
        sd      t2, 0(t3)
        addi    t0, t0, 1
        bltu    t0, s1, 3b
        ret
