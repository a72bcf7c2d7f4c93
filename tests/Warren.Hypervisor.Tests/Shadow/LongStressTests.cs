using System.Globalization;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Scripted;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// Everything at once, under both MMUs: guests that change their tables, notifications, memslot churn, dirty logging, audits. One second
/// each by default, and no less than what must have happened to be seen at all: roots that were zapped, and (with TDP) tables that lost
/// their places, which a hook makes likely; <c>WARREN_STRESS_SECONDS=150 dotnet test -c Release tests/Warren.Hypervisor.Tests --filter
/// LongStress</c> is the long run.
/// </summary>
public sealed class LongStressTests
{
    /// <summary>The slot that comes, goes and moves.</summary>
    public const ulong Second = 0x2000;

    private const ulong Moved = 0x3000;
    private const ulong Page = VirtualMachine.PageSize;
    private const ulong FirstPages = 1024;
    private const ulong SecondPages = 64;

    public static TheoryData<string> Kinds() => [.. MmuKind.All.Select(k => k.Name)];

    private static TimeSpan Duration =>
        TimeSpan.FromSeconds(
            double.TryParse(Environment.GetEnvironmentVariable("WARREN_STRESS_SECONDS"), CultureInfo.InvariantCulture, out var seconds)
                ? seconds : 1);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Guests_keep_their_pages_whatever_the_host_does(string kind)
    {
        using FramePool pool = new(64L << 20);
        using AddressSpace memory = new(pool);
        using VirtualMachine vm = new(memory, new VmOptions { Mmu = MmuKind.Find(kind)!, Audit = true });
        var first = memory.Map(FirstPages * Page, VmaProtection.Read | VmaProtection.Write, hugePages: true);
        var second = memory.Map(SecondPages * Page, VmaProtection.Read | VmaProtection.Write);
        SetFirst(vm, first, logging: false);
        SetSecond(vm, second, Second);
        ulong[] pages =
            [.. Enumerable.Range(600, 24).Select(i => (ulong)i), .. Enumerable.Range(16, 8).Select(i => Second + (ulong)i), Moved + 20];
        StressGuest[] guests = [new(100, pages, 1), new(Second + 4, pages, 2)];
        Crew crew = new();
        foreach (var guest in guests) crew.Run(vm.CreateVcpu(new ScriptedEngine(guest)));
        crew.Add(() => Repeat(crew, 3, random =>
        {
            var gfn = random.Next(8) switch { 0 => 100 + (ulong)random.Next(3), _ => 600 + (ulong)random.Next(24) };
            var hva = random.Next(4) == 0 ? second + (ulong)random.Next(32) * Page : first + gfn * Page;
            switch (random.Next(6))
            {
                case 0: memory.Discard(hva, (ulong)(1 + random.Next(3)) * Page); break;
                case 1:
                    memory.Protect(hva, Page, VmaProtection.Read);
                    memory.Protect(hva, Page, VmaProtection.Read | VmaProtection.Write);
                    break;
                case 2: memory.Age(first, FirstPages * Page, clear: true); break;
                case 3: memory.ReapNonBlocking(hva, Page); break;
                default:
                    MmuNotifierRange range = new(hva, hva + Page, MmuNotifierEvent.Clear, true);
                    if (memory.Notifiers.TryStart(range, out var invalidation)) memory.Notifiers.End(invalidation);
                    break;
            }
        }));
        crew.Add(() => Repeat(crew, 4, random =>
        {
            var gfn = random.Next(3) == 0 ? Moved : Second;
            if (random.Next(2) == 0) vm.SetUserMemoryRegion(new UserMemoryRegion { Slot = 1 });
            SetSecond(vm, second, gfn);
            // A little of every guest between two changes, however busy the machine is.
            long[] done = [.. guests.Select(g => g.Checked)];
            System.Threading.SpinWait.SpinUntil(() => crew.Stopping || guests.Select((g, i) => g.Checked - done[i]).All(n => n >= 20));
        }));
        var bitmap = new ulong[FirstPages / 64];
        crew.Add(() => Repeat(crew, 5, random =>
        {
            SetFirst(vm, first, logging: true);
            for (var i = random.Next(20); i > 0; i--) vm.GetDirtyLog(0, bitmap);
            SetFirst(vm, first, logging: false);
        }));
        crew.Add(() => Repeat(crew, 6, _ =>
        {
            var report = vm.Audit();
            Assert.True(report.IsClean, report.ToString());
            System.Threading.Thread.Sleep(1);
        }));
        if (vm.Mmu is TdpMmu tdp) tdp.Linking = () => System.Threading.Thread.Yield();
        crew.Go(() =>
        {
            System.Threading.Thread.Sleep(Duration);
            crew.Await(() => vm.Mmu.Counters is { FastZaps: >= 8 } counters && (vm.Mmu is not TdpMmu || counters.LinksLost >= 8),
                "zaps of everything, and tables that lost their places");
        });
        Assert.Null(vm.ErrorReason);
        Assert.All(guests, g => Assert.True(g.Checked > 0));
    }

    private static void Repeat(Crew crew, int seed, Action<Random> round)
    {
        Random random = new(seed);
        while (!crew.Stopping) round(random);
    }

    private static void SetFirst(VirtualMachine vm, Hva hva, bool logging) => vm.SetUserMemoryRegion(new UserMemoryRegion
    {
        Flags = logging ? MemslotFlags.LogDirtyPages : MemslotFlags.None,
        MemorySize = FirstPages * Page,
        UserspaceAddress = hva,
    });

    private static void SetSecond(VirtualMachine vm, Hva hva, ulong gfn) =>
        vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = 1, GuestPhysicalAddress = new Gpa(gfn * Page), MemorySize = SecondPages * Page, UserspaceAddress = hva });
}
