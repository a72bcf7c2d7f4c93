using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>
/// A schedule as its decisions: each is either the default (the same thread goes on, else the next in turn; choice 0), which
/// costs nothing, or an entry of the number of the decision and what was decided.
/// </summary>
internal sealed class DecisionLog
{
    private int[] _at = new int[64];
    private int[] _chosen = new int[64];

    /// <summary>Decisions taken, defaults included.</summary>
    internal int Decisions { get; private set; }

    internal int Count { get; private set; }

    internal ReadOnlySpan<int> At => _at.AsSpan(0, Count);

    internal ReadOnlySpan<int> Chosen => _chosen.AsSpan(0, Count);

    internal void Clear()
    {
        Decisions = 0;
        Count = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(int chosen, bool isDefault)
    {
        if (!isDefault)
        {
            if (Count == _at.Length)
            {
                Array.Resize(ref _at, Count * 2);
                Array.Resize(ref _chosen, Count * 2);
            }

            _at[Count] = Decisions;
            _chosen[Count++] = chosen;
        }

        Decisions++;
    }
}
