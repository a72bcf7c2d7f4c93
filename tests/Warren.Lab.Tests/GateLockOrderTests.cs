using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>
/// The validator's findings about the gates from one copy-on-write fault on one thread, as lockdep said it of the semaphore from
/// wp_page_copy: no updater, no second thread and no timing are needed.
/// </summary>
public sealed class GateLockOrderTests
{
    [Theory]
    [InlineData("join", false)]
    [InlineData("active-count", false)]
    [InlineData("always-lock", false)]
    [InlineData("rwsem", true)]
    public void A_copy_on_write_fault_shows_the_circle_of_the_semaphore(string gate, bool circle)
    {
        var reports = Watch(gate).Where(r => r.Kind == LockReportKind.Cycle).ToArray();
        if (!circle)
        {
            Assert.True(reports.Length == 0, string.Join('\n', reports.Select(r => r.Text)));
            return;
        }

        var report = reports[0];
        Assert.Equal(["invalidate_range", "memslots_rwsem"], report.Edges.Select(e => e.From).Order(StringComparer.Ordinal));
        Assert.Contains("AddressSpace.BreakShare", report.Text, StringComparison.Ordinal);
    }

    private static IReadOnlyList<LockReport> Watch(string gate)
    {
        var file = Path.GetTempFileName();
        var validator = new LockValidator();
        validator.Prime();
        var before = Check.Install(validator);
        try
        {
            File.WriteAllBytes(file, new byte[FramePool.PageSize]);
            using var pool = new FramePool(16 << 20);
            using var memory = new AddressSpace(pool);
            using var vm = new VirtualMachine(memory, new VmOptions { Gate = GateFactory.Create(gate) });
            using var image = FileImage.Open(file);
            var hva = memory.MapFile(image, 0, FramePool.PageSize, VmaProtection.Read | VmaProtection.Write);
            vm.SetUserMemoryRegion(new UserMemoryRegion
            { Slot = 0, GuestPhysicalAddress = new Gpa(0), MemorySize = FramePool.PageSize, UserspaceAddress = hva });
            var page = new byte[8];
            memory.Read(hva, page);
            memory.Write(hva, page);
        }
        finally
        {
            Check.Install(before);
            validator.ForgetThread();
            File.Delete(file);
        }

        return validator.Reports;
    }
}
