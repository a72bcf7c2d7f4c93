# Constants, layouts and the vocabulary in which tests are written.

        .equ    SSTATUS_SIE, 1 << 1
        .equ    SSTATUS_SPIE, 1 << 5
        .equ    SSTATUS_SPP, 1 << 8
        .equ    SSTATUS_FS, 3 << 13
        .equ    SSTATUS_SUM, 1 << 18
        .equ    SSTATUS_MXR, 1 << 19

        .equ    CAUSE_FETCH_ACCESS, 1
        .equ    CAUSE_ILLEGAL, 2
        .equ    CAUSE_BREAKPOINT, 3
        .equ    CAUSE_LOAD_MISALIGNED, 4
        .equ    CAUSE_LOAD_ACCESS, 5
        .equ    CAUSE_STORE_MISALIGNED, 6
        .equ    CAUSE_STORE_ACCESS, 7
        .equ    CAUSE_ECALL_USER, 8
        .equ    CAUSE_FETCH_PAGE, 12
        .equ    CAUSE_LOAD_PAGE, 13
        .equ    CAUSE_STORE_PAGE, 15
        .equ    NO_TRAP, -1

        .equ    SBI_BASE, 0x10
        .equ    SBI_TIME, 0x54494d45
        .equ    SBI_IPI, 0x735049
        .equ    SBI_RFENCE, 0x52464e43
        .equ    SBI_HSM, 0x48534d
        .equ    SBI_SRST, 0x53525354
        .equ    SBI_DBCN, 0x4442434e

        .equ    MAX_HARTS, 16
        .equ    STACK_SIZE, 4096
        .equ    PAGES, 48
        .equ    LINE_SIZE, 1024
        .equ    MAX_UARTS, 4

        # A hart's block, at tp
        .equ    HART_ID, 0
        .equ    HART_GLOBALS, 8
        .equ    RESUME, 16                      # where an expected exception goes on; 0: none is expected
        .equ    CAUSE, 24
        .equ    EPC, 32
        .equ    TVAL, 40
        .equ    STATUS, 48
        .equ    WANTED_EPC, 56
        .equ    SAVED_T5, 64
        .equ    SAVED_T6, 72
        .equ    INTERRUPT, 80                   # the last interrupt's number
        .equ    INTERRUPTS, 88                  # how many came
        .equ    WORK, 96                        # secondary harts: routine to run; 0 when it is done
        .equ    WORK_ARGUMENT, 104
        .equ    CRASHED, 112
        .equ    ALIVE, 120
        .equ    RESULT, 128
        .equ    HART_SIZE, 192

        # Globals, at gp
        .equ    DTB, 0
        .equ    BOOT_HART, 8
        .equ    RUNNING, 16                     # entry of the test table
        .equ    RUNNER_SP, 24
        .equ    PASSED, 32
        .equ    FAILED, 40
        .equ    SKIPPED, 48
        .equ    HART_COUNT, 56
        .equ    ISA, 64                         # riscv,isa or riscv,isa-extensions of the first CPU
        .equ    ISA_LENGTH, 72
        .equ    TIMEBASE, 80
        .equ    CBOZ_SIZE, 88
        .equ    CBOM_SIZE, 96
        .equ    PLIC, 104
        .equ    PLIC_INTERRUPTS, 112            # interrupts-extended, and its length
        .equ    PLIC_INTERRUPTS_LENGTH, 120
        .equ    RTC, 128
        .equ    FINISHER, 136
        .equ    UART_COUNT, 144
        .equ    HAS_DBCN, 152
        .equ    LINE_LENGTH, 160
        .equ    MEMORY_BASE, 168
        .equ    MEMORY_SIZE, 176
        .equ    LEVELS, 184                     # paging: levels of the mode under test
        .equ    NEXT_PAGE, 192
        .equ    ROOT, 200
        .equ    COUNTER, 208                    # shared by harts
        .equ    COUNTER2, 216
        .equ    SBI_IMPLEMENTATION, 224         # 1 is OpenSBI
        .equ    UARTS, 256                      # base, interrupt
        .equ    HART_IDS, 320                   # id, phandle of its interrupt controller
        .equ    LINE, 640
        .equ    GLOBALS_SIZE, 2048

        # test "name": begins a test and enters it into the table. It ends by `pass`, `skip` or a failed expectation.
        .macro  test name:req
        .section .rodata
name\@: .asciz  "\name"
        .section .tests, "a"
        .dword  name\@ - _start, test\@ - _start
        .text
        .balign 4
test\@:
        .endm

        .macro  pass
        j       test_passed
        .endm

        .macro  skip text:vararg
        .section .rodata
text\@: .asciz  \text
        .text
        la      a0, text\@
        j       test_skipped
        .endm

        # Skip unless the extension is in the device tree's isa.
        .macro  needs extension:req
        .section .rodata
text\@: .asciz  "no \extension in the device tree's isa"
        .text
        la      a0, text\@ + 3
        call    has_extension
        bnez    a0, ok\@
        la      a0, text\@
        j       test_skipped
ok\@:
        .endm

        .macro  expect reg:req, value:req, text:vararg
        .section .rodata
text\@: .asciz  \text
        .text
        li      t6, \value
        expect_same \reg, t6, text\@
        .endm

        .macro  expect_equal reg:req, other:req, text:vararg
        .section .rodata
text\@: .asciz  \text
        .text
        expect_same \reg, \other, text\@
        .endm

        .macro  expect_same reg, other, label
        beq     \reg, \other, same\@
        mv      a2, \other
        mv      a1, \reg
        la      a0, \label
        j       test_failed
same\@:
        .endm

        # Run one instruction that may trap; see CAUSE, EPC, TVAL, STATUS. CAUSE is NO_TRAP when it did not.
        .macro  catch instruction:vararg
        la      t6, after\@
        sd      t6, RESUME(tp)
        la      t6, at\@
        sd      t6, WANTED_EPC(tp)
        li      t6, NO_TRAP
        sd      t6, CAUSE(tp)
at\@:   \instruction
after\@:
        sd      zero, RESUME(tp)
        .endm

        # After catch: the cause, and that sepc names the instruction.
        .macro  expect_trap cause:req, text:vararg
        ld      t5, CAUSE(tp)
        expect  t5, \cause, \text
        ld      t5, EPC(tp)
        ld      t6, WANTED_EPC(tp)
        expect_equal t5, t6, "sepc"
        .endm

        .macro  expect_value reg:req, text:vararg
        ld      t5, TVAL(tp)
        expect_equal t5, \reg, \text
        .endm

        .macro  expect_no_trap text:vararg
        ld      t5, CAUSE(tp)
        expect  t5, NO_TRAP, \text
        .endm

        # Go to the label when the machine is QEMU under OpenSBI, where the next lines would meet a known difference of its.
        .macro  unless_qemu label:req
        ld      t0, SBI_IMPLEMENTATION(gp)
        addi    t0, t0, -1
        beqz    t0, \label
        .endm

        # Go on in U-mode at the address in a register; returns here at the first trap.
        .macro  run_user reg:req
        la      t6, back\@
        sd      t6, RESUME(tp)
        li      t6, NO_TRAP
        sd      t6, CAUSE(tp)
        csrw    sepc, \reg
        li      t6, SSTATUS_SPP | SSTATUS_SPIE
        csrc    sstatus, t6
        sret
        .balign 4
back\@: sd      zero, RESUME(tp)
        .endm

        .macro  sbi extension:req, function:req
        li      a7, \extension
        li      a6, \function
        ecall
        .endm

        .macro  puts text:vararg
        .section .rodata
text\@: .asciz  \text
        .text
        la      a0, text\@
        call    put_string
        .endm

        .section .tests, "a"
        .balign 8
tests_begin:
        .text
