using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// One of two VMs that do the same: 4 MiB of memory at gfn 0, a slot of 16 pages at <see cref="Second"/> that comes and goes, a device at
/// <see cref="Device"/>; two vCPUs that tests give translation, and one that stays without.
/// </summary>
internal sealed class Twin : IDisposable
{
    public const ulong Second = 2048;
    public const ulong Moved = 4096;
    public const ulong Device = 3000;
    public const ulong Alias = 8192;

    private const ulong Page = VirtualMachine.PageSize;
    private const ulong FirstPages = 1024;
    private const ulong SecondPages = 16;

    private readonly FramePool _pool = new(32L << 20);
    private readonly AddressSpace _memory;
    private readonly Hva _firstHva;
    private readonly Hva _secondHva;
    private readonly byte[][] _harvested = new byte[FirstPages][];
    private ulong _secondAt = Second;
    private bool _readOnly;
    private readonly bool _aliased;
    private bool _logging;

    public Twin(MmuKind kind, bool setsMarks, bool aliased)
    {
        _aliased = aliased;
        _memory = new AddressSpace(_pool);
        Vm = new VirtualMachine(_memory, new VmOptions { Mmu = kind, Audit = true });
        _firstHva = _memory.Map(FirstPages * Page, VmaProtection.Read | VmaProtection.Write, hugePages: true);
        _secondHva = _memory.Map(SecondPages * Page, VmaProtection.Read | VmaProtection.Write);
        SetFirst();
        SetSecond();
        if (aliased)
        {
            Vm.SetUserMemoryRegion(new UserMemoryRegion
            { Slot = 2, GuestPhysicalAddress = new Gpa(Alias * Page), MemorySize = 32 * Page, UserspaceAddress = _firstHva });
        }
        Vm.Bus.Register(new Echo(), new Gpa(Device * Page), Page);
        Cpus = [new ScriptedVcpu(Vm, setsMarks), new ScriptedVcpu(Vm, setsMarks)];
        Bare = new ScriptedVcpu(Vm);
    }

    public VirtualMachine Vm { get; }
    public ScriptedVcpu[] Cpus { get; }
    public ScriptedVcpu Bare { get; }

    /// <summary>How the last access went.</summary>
    public GuestAccessResult LastResult { get; private set; }

    public ulong Access(ScriptedVcpu cpu, Func<ScriptedVcpu, ulong> access)
    {
        var value = access(cpu);
        LastResult = cpu.Result;
        return value;
    }

    /// <summary>A word of guest memory, or 0 where none is.</summary>
    public ulong Word(ulong gpa)
    {
        var bytes = new byte[8];
        return Vm.ReadGuest(new Gpa(gpa), bytes) ? BitConverter.ToUInt64(bytes) : 0;
    }

    public ulong Discard(ulong gfn, int pages)
    {
        (var hva, var length) = HostRange(gfn, pages);
        if (length == 0) return 0;
        // What is discarded while logged is not in the log: nobody wrote.
        _memory.Discard(hva, length);
        return 1;
    }

    public ulong Protect(ulong gfn, int pages, bool writable)
    {
        (var hva, var length) = HostRange(gfn, pages);
        if (length != 0) _memory.Protect(hva, length, writable ? VmaProtection.Read | VmaProtection.Write : VmaProtection.Read);
        return 0;
    }

    public ulong ChangeSlot(int how)
    {
        if (_secondAt == 0 || how == 0)
        {
            var there = _secondAt != 0;
            if (there) Vm.SetUserMemoryRegion(new UserMemoryRegion { Slot = 1 });
            _secondAt = there ? 0 : Second;
        }
        else if (how == 1)
        {
            _secondAt = _secondAt == Second ? Moved : Second;
        }
        else if (how == 2)
        {
            // A slot cannot turn read-only: another one takes its place.
            Vm.SetUserMemoryRegion(new UserMemoryRegion { Slot = 1 });
            _readOnly = !_readOnly;
        }
        if (_secondAt != 0) SetSecond();
        return _secondAt;
    }

    public ulong ToggleLogging()
    {
        _logging = !_logging;
        SetFirst();
        if (_logging) Remember();
        return 0;
    }

    /// <summary>Every page that differs from what it was at the last harvest is in the log.</summary>
    public void CheckDirtyLog()
    {
        // What is written by way of another slot is in the log of that one.
        if (!_logging || _aliased) return;
        var bitmap = new ulong[FirstPages / 64];
        Vm.GetDirtyLog(0, bitmap);
        var now = new byte[Page];
        for (ulong i = 0; i < FirstPages; i++)
        {
            _memory.Read(_firstHva + i * Page, now);
            var logged = (bitmap[i / 64] >> (int)(i % 64) & 1) != 0;
            // A page that was discarded is zero without anybody having written.
            Assert.True(logged || now.AsSpan().SequenceEqual(_harvested[i]) || !now.AsSpan().ContainsAnyExcept((byte)0),
                $"{Vm.Options.Mmu}: page {i} has changed and is not in the log");
        }
        Remember();
    }

    public void Age(bool clear) => _memory.Age(_firstHva, FirstPages * Page, clear);

    public void Verify()
    {
        var report = Vm.Audit(atRest: true);
        Assert.True(report.IsClean, report.ToString());
        Assert.Equal(0, report.Skipped);
    }

    public static void AssertSameMemory(Twin one, Twin other, bool all)
    {
        var left = new byte[FirstPages * Page];
        var right = new byte[FirstPages * Page];
        foreach ((var hvaLeft, var hvaRight, var pages) in new[]
            { (one._firstHva, other._firstHva, all ? FirstPages : 32), (one._secondHva, other._secondHva, SecondPages) })
        {
            var length = (int)(pages * Page);
            one._memory.Read(hvaLeft, left.AsSpan(0, length));
            other._memory.Read(hvaRight, right.AsSpan(0, length));
            var differs = left.AsSpan(0, length).CommonPrefixLength(right.AsSpan(0, length));
            Assert.True(differs == length,
                $"the VMs' memories differ at byte 0x{differs:x}: {left[Math.Min(differs, length - 1)]:x2} and "
                    + $"{right[Math.Min(differs, length - 1)]:x2}");
        }
    }

    private void SetFirst() => Vm.SetUserMemoryRegion(new UserMemoryRegion
    {
        Flags = _logging ? MemslotFlags.LogDirtyPages : MemslotFlags.None,
        MemorySize = FirstPages * Page,
        UserspaceAddress = _firstHva,
    });

    private void SetSecond() => Vm.SetUserMemoryRegion(new UserMemoryRegion
    {
        Slot = 1,
        Flags = _readOnly ? MemslotFlags.ReadOnly : MemslotFlags.None,
        GuestPhysicalAddress = new Gpa(_secondAt * Page),
        MemorySize = SecondPages * Page,
        UserspaceAddress = _secondHva,
    });

    private void Remember()
    {
        for (ulong i = 0; i < FirstPages; i++)
        {
            _harvested[i] ??= new byte[Page];
            _memory.Read(_firstHva + i * Page, _harvested[i]);
        }
    }

    private (Hva Hva, ulong Length) HostRange(ulong gfn, int pages)
    {
        (var hva, var at, var size) = gfn >= Second ? (_secondHva, gfn - Second, SecondPages) : (_firstHva, gfn, FirstPages);
        return at >= size ? (new Hva(0), 0) : (hva + at * Page, Math.Min((ulong)pages, size - at) * Page);
    }

    public void Dispose()
    {
        Vm.Dispose();
        _memory.Dispose();
        Assert.Equal(0, _pool.FramesInUse);
        _pool.Dispose();
    }

    /// <summary>Answers with what was last written, and where.</summary>
    private sealed class Echo : IMmioDevice
    {
        private ulong _value;

        public string Name => "echo";

        public ulong Read(ulong offset, int size) => _value ^ offset << 8 ^ (uint)size;

        public void Write(ulong offset, int size, ulong value) => _value = value ^ offset;
    }
}
