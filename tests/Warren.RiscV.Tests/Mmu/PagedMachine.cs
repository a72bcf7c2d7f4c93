using System.Buffers.Binary;
using Warren.Asm;
using Warren.Hypervisor;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>The effect of an access on the page it touches.</summary>
public enum Touch
{
    Load,
    Store,
    Fetch,
}

/// <summary>
/// A machine with page tables that the test writes entry by entry. Its own code runs one instruction at a time, from a page mapped
/// once for S and once for U.
/// </summary>
internal sealed class PagedMachine : IDisposable
{
    public const ulong Valid = 1, Readable = 2, Writable = 4, Executable = 8, User = 16, Global = 32, Accessed = 64, Dirty = 128;
    public const ulong Data = TestMachine.RamBase + (8 << 20);
    public const ulong TrapVector = 0x7000_0000;

    private const ulong Code = TestMachine.RamBase + (1 << 20);
    private const ulong Instruction = Code + 8;
    private const ulong UserCode = 0x6000_0000;
    private const uint LoadDouble = 0x0005_b503; // ld a0, 0(a1)
    private const uint StoreDouble = 0x00a5_b023; // sd a0, 0(a1)
    private const uint Nop = 0x0000_0013;

    private readonly SatpMode mode;
    private ulong nextTable = TestMachine.RamBase + (4 << 20);

    public PagedMachine(SatpMode mode, HartOptions? options = null)
    {
        this.mode = mode;
        Machine = new TestMachine(options: options);
        Root = NewTable();
        WriteInstruction(Code, LoadDouble);
        WriteInstruction(Code + 4, StoreDouble);
        for (var at = Data; at < Data + 4096; at += 4)
            WriteInstruction(at, Nop);

        Map(Code, Code, Valid | Readable | Executable | Accessed, 1);
        Map(UserCode, Code, Valid | Readable | Executable | User | Accessed, 1);
        Machine.Hart.WriteCsr(0x105, TrapVector);
        Machine.Hart.WriteCsr(0x180, (ulong)mode << 60 | Root >> 12);
    }

    public TestMachine Machine { get; }

    public Hart Hart => Machine.Hart;

    public int Levels => mode switch { SatpMode.Sv39 => 3, SatpMode.Sv48 => 4, _ => 5 };

    public ulong Root { get; }

    /// <summary>
    /// Points a leaf of <paramref name="level"/> (1: 4 KiB) for <paramref name="va"/> at <paramref name="pa"/>; returns the entry's
    /// address.
    /// </summary>
    public ulong Map(ulong va, ulong pa, ulong flags, int level) => Write(va, (pa >> 12) << 10 | flags, level);

    /// <summary>Writes a raw entry.</summary>
    public ulong Write(ulong va, ulong entry, int level)
    {
        var table = Root;
        for (var at = Levels; at > level; at--)
        {
            var address = table + Offset(va, at);
            var pointer = ReadEntry(address);
            if (pointer == 0)
            {
                pointer = NewTable() >> 12 << 10 | Valid;
                Machine.Write(address, pointer);
            }

            table = pointer >> 10 << 12;
        }

        var leaf = table + Offset(va, level);
        Machine.Write(leaf, entry);
        return leaf;
    }

    /// <summary>Bytes that a leaf of the level maps.</summary>
    public static ulong SizeOf(int level) => 4096ul << (9 * (level - 1));

    /// <summary>Where the entry for <paramref name="va"/> stands in its table of the level, in bytes.</summary>
    public static ulong Offset(ulong va, int level) => va / SizeOf(level) % 512 * 8;

    public ulong ReadEntry(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Machine.Read(address, 8));

    /// <summary>Touches <paramref name="va"/> once; null if that worked, else the cause, with stval and sepc checked.</summary>
    public ExceptionCause? Access(Touch touch, ulong va, PrivilegeMode privilege = PrivilegeMode.Supervisor)
    {
        var code = privilege == PrivilegeMode.User ? UserCode : Code;
        var pc = touch switch { Touch.Load => code, Touch.Store => code + 4, _ => va };
        Hart.SetMode(privilege);
        Hart.Pc = pc;
        Hart.SetX(11, va);
        Machine.RunFor(1);
        if (Hart.Pc != TrapVector)
        {
            Assert.Equal(pc + 4, Hart.Pc);
            return null;
        }

        Assert.Equal(va, Hart.ReadCsr(0x143));
        Assert.Equal(pc, Hart.ReadCsr(0x141));
        Assert.Equal(privilege == PrivilegeMode.Supervisor ? 0x100ul : 0, Hart.ReadCsr(0x100) & 0x100);
        return (ExceptionCause)Hart.ReadCsr(0x142);
    }

    /// <summary>
    /// Executes one instruction in S mode, with <paramref name="a1"/> and <paramref name="a2"/>; null, or the exception it raised.
    /// </summary>
    public ExceptionCause? Execute(string instruction, ulong a1, ulong a2 = 0)
    {
        Machine.Write(Instruction, Assembler.Assemble(instruction, new AssemblerOptions { Base = Instruction }).Bytes);
        Hart.FenceI();
        Hart.SetMode(PrivilegeMode.Supervisor);
        Hart.Pc = Instruction;
        Hart.SetX(11, a1);
        Hart.SetX(12, a2);
        Machine.RunFor(1);
        return Hart.Pc == TrapVector ? (ExceptionCause)Hart.ReadCsr(0x142) : null;
    }

    /// <summary>Address of the table of <paramref name="level"/> (1: of 4 KiB leaves) that <paramref name="va"/> goes through.</summary>
    public ulong TableOf(ulong va, int level)
    {
        var table = Root;
        for (var at = Levels; at > level; at--)
            table = ReadEntry(table + Offset(va, at)) >> 10 << 12;

        return table;
    }

    /// <summary>SFENCE.VMA of one address, as another hart would ask for it.</summary>
    public void Fence(ulong va) => Hart.FlushGuestTlb(new Gva(va), 4096, -1);

    public void FenceAll() => Hart.FlushGuestTlb(new Gva(0), 0, -1);

    public void Dispose() => Machine.Dispose();

    private ulong NewTable()
    {
        var table = nextTable;
        nextTable += 4096;
        return table;
    }

    private void WriteInstruction(ulong address, uint bits)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, bits);
        Machine.Write(address, bytes);
    }
}
