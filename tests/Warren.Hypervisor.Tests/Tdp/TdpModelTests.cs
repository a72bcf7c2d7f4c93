using FsCheck;
using FsCheck.Fluent;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>Random sequences of memslot changes, faults, zaps, protections and harvests against <see cref="TdpModel"/>.</summary>
public abstract class TdpModelTests(MmuKind mmu)
{
    /// <summary>Guest accesses and harvests are as likely as all else together.</summary>
    private static readonly TdpOpKind[] Weighted =
    [
        TdpOpKind.CreateSlot, TdpOpKind.CreateSlot, TdpOpKind.DeleteSlot, TdpOpKind.MoveSlot, TdpOpKind.ToggleLogging, TdpOpKind.HostWrite,
        TdpOpKind.DeviceWrite,
        TdpOpKind.Discard, TdpOpKind.Protect, TdpOpKind.Protect, TdpOpKind.Age, TdpOpKind.GetDirtyLog, TdpOpKind.GetDirtyLog,
        TdpOpKind.GuestFetch,
        TdpOpKind.GuestLoad, TdpOpKind.GuestLoad, TdpOpKind.GuestLoad, TdpOpKind.GuestStore, TdpOpKind.GuestStore, TdpOpKind.GuestStore,
        TdpOpKind.GuestStore,
    ];

    private static Gen<TdpOp> Operation =>
        from kind in Gen.Elements(Weighted)
        from a in Gen.Choose(0, 23)
        from b in Gen.Choose(0, 23)
        from c in Gen.Choose(0, 23)
        select new TdpOp(kind, a, b, c);

    private static IEnumerable<TdpOp[]> Shrink(TdpOp[] ops)
    {
        for (var size = ops.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= ops.Length; at += size) yield return [.. ops[..at], .. ops[(at + size)..]];
        }
    }

    [Fact]
    public void Every_access_agrees_with_memory_without_tables()
    {
        var sequences = Arb.From(Operation.ArrayOf(250), Shrink);
        Prop.ForAll(sequences, ops =>
        {
            using TdpModel model = new(mmu);
            for (var i = 0; i < ops.Length; i++)
            {
                model.Apply(ops[i]);
                if (i % 16 == 15) model.Verify();
            }
            model.Verify();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }
}

public sealed class TdpModelTestsWithTdp() : TdpModelTests(MmuKind.Tdp);

public sealed class TdpModelTestsWithShadow() : TdpModelTests(MmuKind.Shadow);
