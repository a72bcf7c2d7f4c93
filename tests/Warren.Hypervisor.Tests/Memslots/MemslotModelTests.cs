using FsCheck;
using FsCheck.Fluent;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>Random requests, good and bad, against a list of slots searched from end to end.</summary>
public abstract class MemslotModelTests(GateKind gate, MmuKind? mmu = null)
{
    private const ulong Page = SlotsVm.Page;
    private const int HvaPages = 64;
    private const ulong GfnSpan = 96;

    /// <summary>
    /// Small ids, gfns and sizes, so that requests meet each other; sizes repeat, so that moves and changes of flags are common.
    /// </summary>
    public sealed record Request(int Space, int Id, int Gfn, int Pages, int HvaPage, int Flags, int Probe)
    {
        public UserMemoryRegion Region(Hva hva) =>
            SlotsVm.Region(Id, (ulong)Gfn, (ulong)Pages, hva + (ulong)HvaPage * Page, (MemslotFlags)Flags, Space);
    }

    private static readonly Gen<Request> Requests =
        from space in Gen.Choose(0, 1)
        from id in Gen.Choose(0, 7)
        from gfn in Gen.Choose(0, (int)GfnSpan - 1)
        from pages in Gen.Elements(0, 0, 1, 4, 4, 4, 17)
        from hva in Gen.Elements(0, 0, 0, 8, 8, 40)
        from flags in Gen.Elements(0, 0, 1, 1, 2, 3, 4)
        from probe in Gen.Choose(0, HvaPages - 1)
        select new Request(space, id, gfn, pages, hva, flags, probe);

    [Fact]
    public void Requests_agree_with_a_naive_model()
    {
        Prop.ForAll(Arb.From(Requests.ArrayOf(60)), requests =>
        {
            using var t = new SlotsVm(new VmOptions { AddressSpaces = 2, Gate = gate, Mmu = mmu ?? MmuKind.Tdp });
            var hva = t.Memory.Map(HvaPages * Page, VmaProtection.Read | VmaProtection.Write);
            var model = new List<UserMemoryRegion>();
            ulong[] generations = [0, 1];
            var untilRoot = requests.Length / 3;
            foreach (var request in requests)
            {
                if (untilRoot-- == 0) Assert.Null((t.Vm.Mmu as ShadowMmu)?.Rmaps.FirstShadowRoot());
                var region = request.Region(hva);
                var expected = Apply(model, region, generations);
                Assert.Equal(expected, t.TrySet(region));
                Assert.Equal((generations[0], generations[1]), (t.Vm.GetMemslots(0).Generation, t.Vm.GetMemslots(1).Generation));
                AssertSame(t.Vm, model);
                AssertNotified(t, model, hva + (ulong)request.Probe * Page);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }

    private static bool Overlap(ulong a, ulong aLength, ulong b, ulong bLength) => a < b + bLength && b < a + aLength;

    /// <summary>The documented behaviour, told once more and differently: from the outcome, not in the order of checks.</summary>
    private static Errno? Apply(List<UserMemoryRegion> model, UserMemoryRegion r, ulong[] generations)
    {
        if (((uint)r.Flags & 4) != 0) return Errno.EINVAL;
        var index = model.FindIndex(s => s.Slot == r.Slot);
        if (r.MemorySize == 0)
        {
            if (index < 0) return Errno.EINVAL;
            model.RemoveAt(index);
            generations[r.AddressSpaceId] += 2;
            return null;
        }
        var moved = true;
        if (index >= 0)
        {
            var old = model[index];
            if (old.MemorySize != r.MemorySize || old.UserspaceAddress != r.UserspaceAddress || (old.Flags & MemslotFlags.ReadOnly)
                != (r.Flags & MemslotFlags.ReadOnly))
            {
                return Errno.EINVAL;
            }
            moved = old.GuestPhysicalAddress != r.GuestPhysicalAddress;
            if (old == r) return null;
        }
        if (moved
            && model.Exists(s =>
                s.Slot != r.Slot && s.AddressSpaceId == r.AddressSpaceId
                && Overlap(s.GuestPhysicalAddress.Value, s.MemorySize, r.GuestPhysicalAddress.Value, r.MemorySize)))
        {
            return Errno.EEXIST;
        }
        generations[r.AddressSpaceId] += 2;
        if (index >= 0) model.RemoveAt(index);
        model.Add(r);
        return null;
    }

    private static void AssertSame(VirtualMachine vm, List<UserMemoryRegion> model)
    {
        for (var space = 0; space < 2; space++)
        {
            var slots = vm.GetMemslots(space);
            Assert.Equal(model.Count(s => s.AddressSpaceId == space), slots.Count);
            for (ulong gfn = 0; gfn < GfnSpan + 20; gfn++)
            {
                var expected = model.FindIndex(s => s.AddressSpaceId == space && gfn * Page - s.GuestPhysicalAddress.Value < s.MemorySize);
                var found = slots.Find(new Gfn(gfn));
                Assert.Equal(expected < 0 ? null : model[expected], found?.ToRegion());
                if (found is null) continue;
                Assert.Same(found, slots.FindById(found.Id));
                Assert.Equal(found.LogsDirtyPages, found.DirtyBitmap is not null);
                Assert.Equal(vm.Mmu is ShadowMmu { Rmaps.Present: true }, found.Rmaps is not null);
                Assert.Equal(model[expected].UserspaceAddress + (new Gfn(gfn).Gpa - model[expected].GuestPhysicalAddress),
                    found.GfnToHva(new Gfn(gfn)));
            }
        }
        Assert.Equal(model.Aggregate(0UL, (sum, s) => sum + s.MemorySize / Page), vm.MemslotPages);
        Assert.Equal(model.Count(s => (s.Flags & MemslotFlags.LogDirtyPages) != 0), vm.MemslotsDirtyLogging);
    }

    /// <summary>The notifications' view: a page reaches the VM exactly when some slot has it, with the gfns of all that do.</summary>
    private static void AssertNotified(SlotsVm t, List<UserMemoryRegion> model, Hva hva)
    {
        var hits = model.Where(s => Overlap(s.UserspaceAddress.Value, s.MemorySize, hva.Value, Page)).ToList();
        var before = t.Vm.Statistics;
        t.Memory.Discard(hva, Page);
        var after = t.Vm.Statistics;
        Assert.Equal(hits.Count > 0 ? 1 : 0, after.InvalidationsRelated - before.InvalidationsRelated);
        Assert.Equal(hits.Count > 0 ? 0 : 1, after.InvalidationsElided - before.InvalidationsElided);
        Assert.Equal(0, after.InvalidationsInProgress);
        if (hits.Count == 0) return;
        var gfns = hits.Select(s => (s.GuestPhysicalAddress + (hva - s.UserspaceAddress)).Gfn).ToList();
        Assert.Equal((gfns.Min(), gfns.Max() + 1), t.Vm.Invalidation.Range);
    }
}

public sealed class MemslotModelTestsWithJoin() : MemslotModelTests(GateKind.Join);

public sealed class MemslotModelTestsWithActiveCount() : MemslotModelTests(GateKind.ActiveCount);

public sealed class MemslotModelTestsWithShadow() : MemslotModelTests(GateKind.Join, MmuKind.Shadow);
