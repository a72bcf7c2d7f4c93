using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Accesses and fetches across pages of which one is missing, code that changes, cache-block operations.</summary>
public abstract class MemorySystemTests(MmuKind mmu) : OnEachMmu(mmu)
{
    // A page table built by the snippet itself: Sv39, the program's gigabyte mapped onto itself, and the pages of a window at
    // 0x40000000, the first mapped to the scratch page and the second left out unless said otherwise.
    private const string Paging = """
        la t0, tables
        li t1, 0x200000cf
        sd t1, 16(t0)
        srli t1, t0, 12
        addi t1, t1, 1
        slli t1, t1, 10
        ori t1, t1, 1
        sd t1, 8(t0)
        li t3, 4096
        add t2, t0, t3
        srli t1, t2, 12
        addi t1, t1, 1
        slli t1, t1, 10
        ori t1, t1, 1
        sd t1, 0(t2)
        add t2, t2, t3
        la t1, scratch
        srli t1, t1, 12
        slli t1, t1, 10
        ori t1, t1, 0xcf
        sd t1, 0(t2)
        srli t0, t0, 12
        li t1, 0x8000000000000000
        or t0, t0, t1
        csrw satp, t0
        sfence.vma

        """;

    [Theory]
    [InlineData("lh a0, -1(a1)", ExceptionCause.LoadPageFault)]
    [InlineData("lw a0, -2(a1)", ExceptionCause.LoadPageFault)]
    [InlineData("ld a0, -7(a1)", ExceptionCause.LoadPageFault)]
    [InlineData("fld fa0, -4(a1)", ExceptionCause.LoadPageFault)]
    [InlineData("sh a2, -1(a1)", ExceptionCause.StorePageFault)]
    [InlineData("sw a2, -3(a1)", ExceptionCause.StorePageFault)]
    [InlineData("sd a2, -1(a1)", ExceptionCause.StorePageFault)]
    public void An_access_into_a_missing_page_faults_there_and_does_nothing(string instruction, ExceptionCause cause)
    {
        var lines = Paging + $"""
            li a0, 77
            li a1, 0x40001000
            li a2, -1
            fault: {instruction}
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(cause, "0x40001000");
        Assert.Equal(77ul, snippet.A0);
        Assert.All(snippet.Machine.Read(snippet.Symbol("scratch") + 4080, 16), b => Assert.Equal(0, b));
    }

    [Fact]
    public void An_instruction_whose_second_half_is_missing_faults_there()
    {
        var lines = Paging + """
            li a1, 0x40000ffe
            li a2, 0x0513
            sh a2, 0(a1)
            fence.i
            .set fault, 0x40000ffe
            jr a1
            """;
        using var snippet = Snippet.Run(lines).ExpectTrap(ExceptionCause.InstructionPageFault, "0x40001000");
    }

    [Fact]
    public void An_instruction_across_two_pages_executes()
    {
        // li a0, 1234 ; jr ra : laid across the scratch pages.
        var lines = """
            la a1, scratch + 4094
            li a2, 0x4d200513
            sw a2, 0(a1)
            li a2, 0x00008067
            sw a2, 4(a1)
            fence.i
            jalr ra, 0(a1)
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(1234ul, snippet.A0);
    }

    [Fact]
    public void A_change_in_either_half_of_an_instruction_across_pages_is_seen_after_a_fence()
    {
        var lines = """
            la a1, scratch + 4094
            li a2, 0x4d200513
            sw a2, 0(a1)
            li a2, 0x00008067
            sw a2, 4(a1)
            fence.i
            jalr ra, 0(a1)
            mv s2, a0
            li a2, 0x0020
            sh a2, 2(a1)
            fence.i
            jalr ra, 0(a1)
            mv s3, a0
            li a2, 0x0593
            sh a2, 0(a1)
            fence.i
            mv s4, a1
            li a0, 9
            jalr ra, 0(a1)
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(1234ul, snippet.Hart.GetX(18));
        Assert.Equal(2ul, snippet.Hart.GetX(19));
        Assert.Equal(2ul, snippet.Hart.GetX(11));
        Assert.Equal(9ul, snippet.A0);
    }

    [Fact]
    public void Stores_into_code_take_effect_at_a_fence()
    {
        // A routine patched once for each turn of a loop: li a0, n ; ret.
        var lines = """
            la s1, scratch
            li t0, 0x00008067
            sw t0, 4(s1)
            li s0, 100
            li s2, 0
            5: slli t0, s0, 20
            li t1, 0x513
            or t0, t0, t1
            sw t0, 0(s1)
            fence.i
            jalr ra, 0(s1)
            add s2, s2, a0
            addi s0, s0, -1
            bnez s0, 5b
            mv a0, s2
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        Assert.Equal(5050ul, snippet.A0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    public void Cbo_zero_clears_the_block_around_its_address(int offset)
    {
        var lines = $"""
            la a1, scratch + 64
            li a2, -1
            li t1, 24
            5: sd a2, -64(a1)
            addi a1, a1, 8
            addi t1, t1, -1
            bnez t1, 5b
            la a1, scratch + {64 + offset}
            cbo.zero (a1)
            cbo.clean (a1)
            cbo.flush (a1)
            """;
        using var snippet = Snippet.Run(lines).ExpectFinish();
        var bytes = snippet.Machine.Read(snippet.Symbol("scratch"), 192);
        Assert.Equal([.. Enumerable.Repeat((byte)255, 64), .. new byte[64], .. Enumerable.Repeat((byte)255, 64)], bytes);
    }

    [Theory]
    [InlineData("cbo.zero (a1)")]
    [InlineData("cbo.clean (a1)")]
    [InlineData("cbo.flush (a1)")]
    [InlineData("cbo.inval (a1)")]
    public void Cache_block_operations_fault_as_stores(string instruction)
    {
        using var snippet = Snippet.Run(Paging + $"li a1, 0x40001040\nfault: {instruction}")
            .ExpectTrap(ExceptionCause.StorePageFault, "0x40001040");
    }

    [Theory]
    [InlineData("lr.w a0, (a1)", ExceptionCause.LoadPageFault)]
    [InlineData("amoor.w a0, a2, (a1)", ExceptionCause.StorePageFault)]
    [InlineData("amoswap.d x0, x0, (a1)", ExceptionCause.StorePageFault)]
    public void Atomics_fault_as_what_they_do(string instruction, ExceptionCause cause)
    {
        using var snippet = Snippet.Run(Paging + $"li a1, 0x40001040\nfault: {instruction}").ExpectTrap(cause, "0x40001040");
    }
}

public sealed class MemorySystemTestsOnTdp() : MemorySystemTests(MmuKind.Tdp);

public sealed class MemorySystemTestsOnShadow() : MemorySystemTests(MmuKind.Shadow);
