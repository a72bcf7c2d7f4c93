using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>ReadGuest and WriteGuest: through slots and host memory, with the dirty log and decoded code kept true.</summary>
public sealed class GuestAccessTests : IDisposable
{
    private const ulong Page = SlotsVm.Page;
    private const ulong Gpa = 0x8000_0000;
    private readonly SlotsVm _t = new();
    private readonly Hva _hva;

    public GuestAccessTests()
    {
        _hva = _t.Memory.Map(16 * Page, VmaProtection.Read | VmaProtection.Write);
        _t.Set(0, Gpa / Page, 8, _hva, MemslotFlags.LogDirtyPages);
        _t.Set(1, Gpa / Page + 8, 4, _hva + 8 * Page, MemslotFlags.ReadOnly);
    }

    public void Dispose() => _t.Dispose();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4094, 2)]
    [InlineData(4092, 8)]
    [InlineData(8, 8)]
    [InlineData(16, 4)]
    [InlineData(17, 8)]
    [InlineData(100, 20000)]
    public void What_is_written_is_what_host_memory_holds_and_what_is_read_back(int offset, int length)
    {
        var bytes = new byte[length];
        new Random(offset).NextBytes(bytes);
        Assert.True(_t.Vm.WriteGuest(new Gpa(Gpa + (ulong)offset), bytes));
        var read = new byte[length];
        Assert.True(_t.Vm.ReadGuest(new Gpa(Gpa + (ulong)offset), read));
        Assert.Equal(bytes, read);
        _t.Memory.Read(_hva + (ulong)offset, read);
        Assert.Equal(bytes, read);
        var bitmap = _t.Vm.GetMemslots(0).Find(new Gfn(Gpa / Page))!.DirtyBitmap!;
        var expected = 0UL;
        for (var page = offset / 4096; page <= (offset + length - 1) / 4096; page++) expected |= 1UL << page;
        Assert.Equal(expected, bitmap.Word(0));
    }

    [Fact]
    public void A_read_only_slot_is_read_and_refuses_writes()
    {
        _t.Memory.Write(_hva + 8 * Page, [42]);
        var one = new byte[1];
        Assert.True(_t.Vm.ReadGuest(new Gpa(Gpa + 8 * Page), one));
        Assert.Equal(42, one[0]);
        Assert.False(_t.Vm.WriteGuest(new Gpa(Gpa + 8 * Page), one));
    }

    [Fact]
    public void Where_there_is_no_slot_or_no_host_memory_both_return_false()
    {
        Assert.False(_t.Vm.ReadGuest(new Gpa(Gpa - 1), new byte[2]));
        Assert.False(_t.Vm.WriteGuest(new Gpa(Gpa + 12 * Page), new byte[1]));
        Assert.False(_t.Vm.ReadGuest(new Gpa(ulong.MaxValue), new byte[2]));
        Assert.False(_t.Vm.WriteGuest(new Gpa(ulong.MaxValue - 1), new byte[100]));
        Assert.True(_t.Vm.ReadGuest(new Gpa(0), []));
        _t.Memory.Unmap(_hva, Page);
        Assert.False(_t.Vm.ReadGuest(new Gpa(Gpa), new byte[1]));
        Assert.False(_t.Vm.WriteGuest(new Gpa(Gpa), new byte[1]));
        _t.Memory.Protect(_hva + Page, Page, VmaProtection.Read);
        Assert.True(_t.Vm.ReadGuest(new Gpa(Gpa + Page), new byte[1]));
        Assert.False(_t.Vm.WriteGuest(new Gpa(Gpa + Page), new byte[1]));
        SlotsVm.AssertLocksFree(_t.Vm);
        // Not in a read section either: a grace period ends.
        _t.Vm.Srcu.Synchronize();
    }

    [Fact]
    public void A_write_voids_code_decoded_from_the_page()
    {
        Assert.True(_t.Vm.WriteGuest(new Gpa(Gpa), new byte[8]));
        Assert.Equal(FaultStatus.Ok, _t.Memory.Fault(_hva, write: true, out var mapping));
        _t.Pool.Info(mapping.Pfn).CodeState |= 1;
        var marked = _t.Pool.Info(mapping.Pfn).CodeState;
        Assert.True(_t.Vm.ReadGuest(new Gpa(Gpa), new byte[8]));
        Assert.Equal(marked, _t.Pool.Info(mapping.Pfn).CodeState);
        Assert.True(_t.Vm.WriteGuest(new Gpa(Gpa + 4), new byte[1]));
        Assert.NotEqual(marked, _t.Pool.Info(mapping.Pfn).CodeState);
        Assert.Equal(0, _t.Pool.Info(mapping.Pfn).CodeState & 1);
        _t.Pool.Put(mapping.Pfn);
    }

    [Fact]
    public void A_write_waits_out_an_invalidation_of_its_page_only()
    {
        var invalidation = new HeldInvalidation(_t.Memory, _hva + Page, Page);
        Assert.True(_t.Vm.WriteGuest(new Gpa(Gpa), [1]));
        var worker = new Worker(() => Assert.True(_t.Vm.WriteGuest(new Gpa(Gpa + Page), [1])));
        Assert.False(worker.EndsWithin(50));
        invalidation.Dispose();
        worker.Join();
        Assert.True(_t.Vm.Statistics.HostWriteRetries > 0);
    }

    [Fact]
    public void Aligned_words_are_never_torn()
    {
        var stop = 0;
        var writer = new Worker(() =>
        {
            var word = new byte[8];
            for (byte i = 0; Volatile(ref stop) == 0; i++)
            {
                Array.Fill(word, i);
                _t.Vm.WriteGuest(new Gpa(Gpa + 64), word);
            }
        });
        var read = new byte[8];
        for (var i = 0; i < 100_000; i++)
        {
            Assert.True(_t.Vm.ReadGuest(new Gpa(Gpa + 64), read));
            Assert.Equal(0x0101010101010101UL * read[0], BitConverter.ToUInt64(read));
        }
        System.Threading.Volatile.Write(ref stop, 1);
        writer.Join();

        static int Volatile(ref int location) => System.Threading.Volatile.Read(ref location);
    }
}
