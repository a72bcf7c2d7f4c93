using FsCheck;
using FsCheck.Fluent;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>Random guests that build random tables, executed by a VM of either MMU: see <see cref="TwinVms"/>.</summary>
public sealed class TwinTests
{
    private static readonly TwinOpKind[] Weighted =
    [
        TwinOpKind.SetRoot, TwinOpKind.SetRoot, TwinOpKind.StoreEntry, TwinOpKind.StoreEntry, TwinOpKind.StoreEntry, TwinOpKind.StoreEntry,
        TwinOpKind.ExchangeEntry, TwinOpKind.WriteEntry,
        TwinOpKind.GuestLoad, TwinOpKind.GuestLoad, TwinOpKind.GuestLoad, TwinOpKind.GuestLoad, TwinOpKind.GuestStore,
        TwinOpKind.GuestStore, TwinOpKind.GuestStore, TwinOpKind.GuestStore,
        TwinOpKind.GuestFetch, TwinOpKind.GuestExchange, TwinOpKind.GuestAdd, TwinOpKind.Discard, TwinOpKind.Protect, TwinOpKind.ChangeSlot,
        TwinOpKind.ToggleLogging, TwinOpKind.GetDirtyLog, TwinOpKind.Age,
    ];

    /// <summary>Memslots and host memory stay mostly as they are, so that shadow pages grow old.</summary>
    private static readonly TwinOpKind[] Layered =
    [
        .. Enumerable.Repeat(TwinOpKind.StoreEntry, 30), .. Enumerable.Repeat(TwinOpKind.GuestLoad, 20),
        .. Enumerable.Repeat(TwinOpKind.GuestStore, 30), .. Weighted, .. Enumerable.Repeat(TwinOpKind.GuestFetch, 20),
    ];

    private static Gen<TwinOp> Operation(bool layered) =>
        from kind in Gen.Elements(layered ? Layered : Weighted)
        from a in Gen.Choose(0, 255)
        from b in Gen.Choose(0, 255)
        from c in Gen.Choose(0, 255)
        from d in Gen.Choose(0, 255)
        select new TwinOp(kind, a, b, c, d);

    private static IEnumerable<TwinOp[]> Shrink(TwinOp[] ops)
    {
        for (var size = ops.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= ops.Length; at += size) yield return [.. ops[..at], .. ops[(at + size)..]];
        }
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(true, true, true)]
    public void A_guest_cannot_tell_the_two_apart(bool setsMarks, bool layered, bool aliased)
    {
        var sequences = Arb.From(Operation(layered).ArrayOf(400), Shrink);
        Prop.ForAll(sequences, ops =>
        {
            using TwinVms twins = new(setsMarks, layered, aliased);
            for (var i = 0; i < ops.Length; i++)
            {
                twins.Apply(ops[i]);
                if (i % 16 == 15) twins.Verify(all: false);
            }
            twins.Verify();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
    }
}
