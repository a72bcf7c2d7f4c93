using System.Buffers.Binary;
using System.Threading;
using Warren.Asm;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.RiscV.Tests.Harness;

/// <summary>Harts on a VM with nothing but RAM at 0x8000_0000: no devices, no firmware, a clock that the test moves.</summary>
internal sealed class TestMachine : IDisposable
{
    public const ulong RamBase = 0x8000_0000;
    public const ulong RamBytes = 32 << 20;

    /// <summary>The MMU of the machines that the current test makes; null for TDP.</summary>
    public static readonly AsyncLocal<MmuKind?> DefaultMmu = new();

    private readonly FramePool pool;
    private readonly AddressSpace memory;
    private readonly VirtualMachine vm;
    private readonly Vcpu[] vcpus;

    /// <summary>Makes the machine.</summary>
    /// <param name="harts">How many, all on one VM.</param>
    /// <param name="options">What each can do.</param>
    public TestMachine(int harts = 1, HartOptions? options = null)
    {
        pool = new FramePool(2 * (long)RamBytes);
        memory = new AddressSpace(pool);
        vm = new VirtualMachine(memory, new VmOptions { Mmu = DefaultMmu.Value ?? MmuKind.Default, Audit = true });
        var hva = memory.Map(RamBytes, VmaProtection.Read | VmaProtection.Write);
        vm.SetUserMemoryRegion(new UserMemoryRegion
        {
            GuestPhysicalAddress = new Gpa(RamBase),
            MemorySize = RamBytes,
            UserspaceAddress = hva,
        });
        Harts = [.. Enumerable.Range(0, harts).Select(id => new Hart(id, options ?? new HartOptions(), Environment))];
        vcpus = [.. Harts.Select(hart => vm.CreateVcpu(new Engine(this, hart)))];
    }

    public TestEnvironment Environment { get; } = new();

    public IReadOnlyList<Hart> Harts { get; }

    /// <summary>Called on a hart's thread, outside guest mode, after its TLB was flushed; with the hart's number.</summary>
    public Action<int>? Flushed { get; set; }

    public VmStatistics Statistics => vm.Statistics;

    /// <summary>The first hart, which most tests are content with.</summary>
    public Hart Hart => Harts[0];

    /// <summary>The output of a program of <see cref="GuestProgram"/>'s frame when our hart runs it.</summary>
    /// <param name="source">The program.</param>
    /// <param name="compress">Assemble to 16-bit instructions where they exist.</param>
    /// <param name="satpMode">Zero runs it in S mode without paging; 8, 9 or 10 in U mode under Sv39, Sv48 or Sv57.</param>
    public static byte[] RunProgram(string source, bool compress = false, int satpMode = 0)
    {
        using var machine = new TestMachine();
        var program = GuestProgram.Assemble(source, OutputKind.Elf, compress);
        machine.Load(program);
        machine.Hart.WriteCsr(0x100, 0x2000);
        if (satpMode != 0)
        {
            machine.PrepareUser(program.Entry, satpMode, "ecall");
        }
        else
        {
            machine.Write(RamBase, [0x73, 0, 0, 0]);
            machine.Hart.WriteCsr(0x105, RamBase);
        }

        return machine.RunToOutput(program);
    }

    /// <summary>Points the hart at code that turns paging on and goes to U mode; traps go to <paramref name="handler"/>.</summary>
    public void PrepareUser(ulong entry, int satpMode, string handler)
    {
        var source = $"""
                    csrw    satp, a0
                    sfence.vma
                    csrw    sepc, a1
                    sret
                    .balign 64
            {handler}
            """;
        Write(RamBase, Assembler.Assemble(source, new AssemblerOptions { Base = RamBase }).Bytes);
        Hart.SetX(10, IdentityMap.Install(this, satpMode));
        Hart.SetX(11, entry);
        Hart.WriteCsr(0x105, RamBase + 64);
        Hart.Pc = RamBase;
    }

    /// <summary>Copies an ELF executable's segments to the physical addresses they name, and points the hart at its entry.</summary>
    public void Load(AssemblyResult program)
    {
        var elf = program.Bytes;
        var headers = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[56..]);
        for (var i = 0; i < count; i++)
        {
            var header = elf[(headers + i * 56)..];
            var offset = (int)BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
            var address = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
            var size = (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
            Write(address, elf.Slice(offset, size));
        }

        foreach (var hart in Harts)
            hart.Reset(program.Entry, (ulong)hart.Id, 0);
    }

    /// <summary>Runs until the hart stops for a reason other than a kick; fails a program that spends its budget.</summary>
    /// <param name="instructions">The budget.</param>
    public VcpuExit Run(long instructions = 1_000_000)
    {
        var exit = RunFor(instructions);
        var ended = exit.Reason is not (VcpuExitReason.None or VcpuExitReason.Interrupted or VcpuExitReason.Budget);
        Assert.True(ended, $"still running at {Hart.Pc:x} when its budget was spent");
        return exit;
    }

    /// <summary>Runs a hart until it stops for a reason of its own or has spent the budget.</summary>
    public VcpuExit RunFor(long instructions, int hart = 0)
    {
        VcpuExit exit;
        do
        {
            exit = vcpus[hart].Run(ref instructions);
        }
        while (exit.Reason is VcpuExitReason.None or VcpuExitReason.Interrupted && instructions > 0);
        return exit;
    }

    /// <summary>Runs a hart once: a kick ends it, too.</summary>
    public VcpuExit RunOnce(long instructions, int hart = 0) => vcpus[hart].Run(ref instructions);

    public void Kick(int hart) => vcpus[hart].Kick();

    /// <summary>Adds memory of zeroes that are a file's, mapped privately: each page is copied when first written.</summary>
    /// <returns>Its address in the host's address space.</returns>
    public Hva AddFileMemory(ulong address, FileImage file, ulong bytes)
    {
        var hva = memory.MapFile(file, 0, bytes, VmaProtection.Read | VmaProtection.Write);
        vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = 1, GuestPhysicalAddress = new Gpa(address), MemorySize = bytes, UserspaceAddress = hva });
        return hva;
    }

    /// <summary>Gives host memory back: what is there next is what a file or zeroes say.</summary>
    public void Discard(Hva hva, ulong bytes) => memory.Discard(hva, bytes);

    private byte[] RunToOutput(AssemblyResult program)
    {
        var exit = Run(instructions: 100_000_000);
        var cause = Hart.ReadCsr(0x142);
        var trap = Hart.ReadCsr(0x141);
        var near = program.Symbols.Where(s => s.Value <= trap).OrderBy(s => s.Value).LastOrDefault().Key ?? "the start";
        var called = cause is 0 or (ulong)ExceptionCause.UserEnvironmentCall && Hart.GetX(17) == GuestProgram.WriteCall;
        Assert.True(
            exit.Reason == VcpuExitReason.EnvironmentCall && called,
            $"{exit.Reason}: scause {cause:x}, stval {Hart.ReadCsr(0x143):x}, sepc {trap:x} after {near}");
        return Read(Hart.GetX(11), (int)Hart.GetX(12));
    }

    public byte[] Read(ulong address, int length)
    {
        var bytes = new byte[length];
        Assert.True(vm.ReadGuest(new Gpa(address), bytes), $"no memory at {address:x}");
        return bytes;
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes) =>
        Assert.True(vm.WriteGuest(new Gpa(address), bytes), $"no memory at {address:x}");

    public void Write(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    public void Dispose()
    {
        vm.Dispose();
        foreach (var hart in Harts)
            hart.Dispose();

        memory.Dispose();
        pool.Dispose();
    }

    private sealed class Engine(TestMachine machine, Hart hart) : IVcpuEngine
    {
        public VcpuExit Execute(Vcpu vcpu, ref long budget) => hart.Execute(vcpu, ref budget);

        public void FlushTlb()
        {
            hart.FlushTlb();
            machine.Flushed?.Invoke(hart.Id);
        }

        public IGuestPageFormat PageFormat => hart.PageFormat;

        public GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk)
            => hart.WalkGuest(vcpu, address, access, mode, ref walk);
    }
}

/// <summary>A clock that stands still until the test moves it.</summary>
internal sealed class TestEnvironment : IHartEnvironment
{
    public ulong Time { get; set; }

    public ulong Deadline { get; private set; } = ulong.MaxValue;

    public ulong ReadTime() => Time;

    public void TimerChanged(Hart hart, ulong stimecmp) => Deadline = stimecmp;
}
