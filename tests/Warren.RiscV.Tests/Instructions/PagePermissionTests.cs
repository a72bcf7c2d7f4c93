using System.Buffers.Binary;
using Warren.Asm;
using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>
/// Sv39 leaf entries against loads, stores and fetches of both modes. The page under test is at 0x4000_0000 and holds a RET; the next one
/// holds the U-mode code that touches it.
/// </summary>
public abstract class PagePermissionTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const ulong Page = 0x4000_0000;
    private const ulong UserCode = 0x4000_1000;
    private const ulong Sum = 1 << 18;
    private const ulong Mxr = 1 << 19;

    /// <summary>Flags are letters of r w x u a d; v is implied.</summary>
    [Theory]
    [InlineData("rad", "load", false, 0, true)]
    [InlineData("rwad", "load", false, 0, true)]
    [InlineData("xad", "load", false, 0, false)]
    [InlineData("xad", "load", false, Mxr, true)]
    [InlineData("ruad", "load", false, 0, false)]
    [InlineData("ruad", "load", false, Sum, true)]
    [InlineData("xuad", "load", false, Sum, false)]
    [InlineData("xuad", "load", false, Sum | Mxr, true)]
    [InlineData("rad", "store", false, 0, false)]
    [InlineData("rwad", "store", false, 0, true)]
    [InlineData("rwuad", "store", false, 0, false)]
    [InlineData("rwuad", "store", false, Sum, true)]
    [InlineData("rad", "amo", false, 0, false)]
    [InlineData("xad", "amo", false, Mxr, false)]
    [InlineData("rwad", "amo", false, 0, true)]
    [InlineData("xad", "fetch", false, 0, true)]
    [InlineData("rxad", "fetch", false, 0, true)]
    [InlineData("rwad", "fetch", false, 0, false)]
    [InlineData("rwad", "fetch", false, Mxr, false)]
    [InlineData("xuad", "fetch", false, 0, false)]
    [InlineData("xuad", "fetch", false, Sum, false)]
    [InlineData("wad", "load", false, 0, false)] // writable but not readable: reserved
    [InlineData("wad", "store", false, 0, false)]
    [InlineData("wxad", "fetch", false, 0, false)]
    [InlineData("ad", "load", false, 0, false)] // a pointer where a leaf must be
    [InlineData("ruad", "load", true, 0, true)]
    [InlineData("rad", "load", true, 0, false)]
    [InlineData("rad", "load", true, Sum, false)]
    [InlineData("xuad", "load", true, 0, false)]
    [InlineData("xuad", "load", true, Mxr, true)]
    [InlineData("rwuad", "store", true, 0, true)]
    [InlineData("rwad", "store", true, Sum, false)]
    [InlineData("ruad", "store", true, 0, false)]
    [InlineData("rwuad", "amo", true, 0, true)]
    [InlineData("xuad", "fetch", true, 0, true)]
    [InlineData("xad", "fetch", true, 0, false)]
    [InlineData("ruad", "fetch", true, 0, false)]
    public void Permissions(string flags, string access, bool user, ulong status, bool allowed)
        => Touch(machine => Entry(machine, Flags(flags)), access, user, status, allowed, Page).Dispose();

    /// <summary>Bits 54 and up: reserved ones fault; Svpbmt's types and Svnapot's contiguity are honoured.</summary>
    [Theory]
    [InlineData(54, 1, false)]
    [InlineData(60, 1, false)]
    [InlineData(61, 1, true)] // NC
    [InlineData(61, 2, true)] // IO
    [InlineData(61, 3, false)]
    public void High_bits(int shift, ulong value, bool allowed)
        => Touch(machine => Entry(machine, Flags("rwxad") | value << shift), "load", false, 0, allowed, Page).Dispose();

    [Theory]
    [InlineData("0x4000000000")] // bit 38 without its extension
    [InlineData("0xffffffbfffffffff")]
    [InlineData("0x8000000040000000")]
    public void An_address_that_is_not_sign_extended_faults(string address)
    {
        var value = Convert.ToUInt64(address, 16);
        Touch(machine => Entry(machine, Flags("rwxad")), "load", false, 0, allowed: false, value).Dispose();
    }

    /// <summary>Without Svade the walker sets what the access needs, and no more.</summary>
    [Theory]
    [InlineData("rwx", "load", "rwxa")]
    [InlineData("rwx", "fetch", "rwxa")]
    [InlineData("rwx", "store", "rwxad")]
    [InlineData("rwx", "amo", "rwxad")]
    [InlineData("rwxa", "store", "rwxad")]
    [InlineData("rwxa", "load", "rwxa")]
    public void Accessed_and_dirty(string before, string access, string after)
    {
        using var snippet = Touch(machine => Entry(machine, Flags(before)), access, false, 0, allowed: true, Page);
        Assert.Equal(Flags(after), ReadEntry(snippet) & 0x3ff);
    }

    [Theory]
    [InlineData("r", "store")]
    [InlineData("x", "load")]
    [InlineData("ru", "load")]
    [InlineData("rw", "fetch")]
    public void A_refused_access_leaves_the_entry_alone(string flags, string access)
    {
        using var snippet = Touch(machine => Entry(machine, Flags(flags)), access, false, 0, allowed: false, Page);
        Assert.Equal(Flags(flags), ReadEntry(snippet) & 0x3ff);
    }

    private static Snippet Touch(Action<TestMachine> setEntry, string access, bool user, ulong status, bool allowed, ulong address)
    {
        var instruction = access switch
        {
            "load" => "lw a3, 0(a1)",
            "store" => "sw a2, 0(a1)",
            "amo" => "amoadd.w a3, a2, (a1)",
            _ => "jalr ra, 0(a1)",
        };
        var lines = $"""
            li a1, 0x{address:x}
            li a2, 0x00008067
            csrw satp, s1
            sfence.vma
            li t1, 0x{status:x}
            csrs sstatus, t1
            {(user ? $"li t0, 0x{UserCode:x}\n j enter_user" : instruction)}
            """;
        var snippet = Snippet.Run(lines, machine => Prepare(machine, setEntry, instruction));
        var done = user ? UserCode + 4 : 0;
        if (allowed)
        {
            Assert.Equal(user, snippet.HasTrapped);
            Assert.True(!user || snippet.Cause == (ulong)ExceptionCause.UserEnvironmentCall, $"scause {snippet.Cause}");
            Assert.Equal(done, snippet.Hart.ReadCsr(0x141));
        }
        else
        {
            var cause = access switch
            {
                "load" => ExceptionCause.LoadPageFault,
                "fetch" => ExceptionCause.InstructionPageFault,
                _ => ExceptionCause.StorePageFault,
            };
            Assert.True(snippet.HasTrapped, "the access was let through");
            Assert.Equal((ulong)cause, snippet.Cause);
            Assert.Equal(address, snippet.Hart.ReadCsr(0x143));
        }

        return snippet;
    }

    // Tables above the program: a root, then the two levels of the window; the window's pages follow.
    private const ulong Root = TestMachine.RamBase + 0x100_0000;
    private const ulong Leaf = Root + 0x2000;
    private const ulong Target = Root + 0x3000;
    private const ulong Code = Root + 0x4000;

    private static void Prepare(TestMachine machine, Action<TestMachine> setEntry, string instruction)
    {
        machine.Write(Root + 16, (TestMachine.RamBase >> 2) | Flags("rwxad"));
        machine.Write(Root + 8, ((Root + 0x1000) >> 2) | 1);
        machine.Write(Root + 0x1000, (Leaf >> 2) | 1);
        setEntry(machine);
        machine.Write(Leaf + 8, (Code >> 2) | Flags("rxuad"));
        machine.Write(Code, GuestProgram.Assemble(instruction + "\necall", OutputKind.Flat).Bytes);
        machine.Write(Target, [0x67, 0x80, 0, 0]);
        machine.Hart.SetX(9, (8ul << 60) | (Root >> 12));
    }

    private static void Entry(TestMachine machine, ulong flags) => machine.Write(Leaf, (Target >> 2) | flags);

    private static ulong ReadEntry(Snippet snippet) => BinaryPrimitives.ReadUInt64LittleEndian(snippet.Machine.Read(Leaf, 8));

    private static ulong Flags(string letters)
    {
        ulong flags = 1;
        foreach (var letter in letters)
            flags |= 1ul << " rwxugad".IndexOf(letter, StringComparison.Ordinal);

        return flags;
    }
}

public sealed class PagePermissionTestsOnTdp() : PagePermissionTests(MmuKind.Tdp);

public sealed class PagePermissionTestsOnShadow() : PagePermissionTests(MmuKind.Shadow);
