using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>The VMAs of an address space: sorted, not overlapping, neighbours alike merged. Guarded by the mmap lock.</summary>
internal sealed class VmaList
{
    private readonly List<Vma> _list = [];

    internal int Count => Shared.Read(in _list, this).Count;

    internal Vma this[int index] => _list[index];

    internal Vma? Find(Hva hva)
    {
        var index = FirstEndingAfter(hva);
        return index < _list.Count && _list[index].Start <= hva ? _list[index] : null;
    }

    /// <summary>Index of the first VMA that ends after <paramref name="hva"/>.</summary>
    internal int FirstEndingAfter(Hva hva)
    {
        var list = Shared.Read(in _list, this);
        int low = 0, high = list.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (list[middle].End > hva)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }

    internal bool Overlaps(Hva start, Hva end)
    {
        var index = FirstEndingAfter(start);
        return index < _list.Count && _list[index].Start < end;
    }

    /// <summary>True when every page of the range is mapped.</summary>
    internal bool Covers(Hva start, Hva end)
    {
        for (var index = FirstEndingAfter(start); index < _list.Count && _list[index].Start <= start; index++)
        {
            start = _list[index].End;
            if (start >= end)
                return true;
        }

        return false;
    }

    /// <summary>Adds one where nothing is mapped, merging it with its neighbours.</summary>
    internal void Insert(Vma vma)
    {
        var index = FirstEndingAfter(vma.Start);
        Shared.Changing(in _list, this);
        _list.Insert(index, vma);
        MergeAround(index, index);
    }

    /// <summary>Makes the range begin and end at VMA borders. <paramref name="onCut"/> sees each address that becomes one.</summary>
    internal void SplitAt(Hva start, Hva end, Action<Hva> onCut)
    {
        Shared.Changing(in _list, this);
        Split(start, onCut);
        Split(end, onCut);
    }

    /// <summary>Removes whole VMAs in the range, which begins and ends at borders.</summary>
    internal void Remove(Hva start, Hva end)
    {
        Shared.Changing(in _list, this);
        var first = FirstEndingAfter(start);
        var last = first;
        while (last < _list.Count && _list[last].Start < end)
            _list[last++].File?.DropUser();
        _list.RemoveRange(first, last - first);
    }

    internal void SetProtection(Hva start, Hva end, VmaProtection protection)
    {
        Shared.Changing(in _list, this);
        var first = FirstEndingAfter(start);
        var last = first;
        while (last < _list.Count && _list[last].Start < end)
            _list[last++].Protection = protection;
        MergeAround(first, last - 1);
    }

    /// <summary>
    /// The lowest gap of <paramref name="length"/> bytes at or above <paramref name="from"/> that starts aligned; address 0 when none
    /// below the limit.
    /// </summary>
    internal Hva FindGap(Hva from, ulong length, ulong alignment, Hva limit)
    {
        var at = from.AlignUp(alignment);
        for (var index = FirstEndingAfter(at); ; index++)
        {
            if (at > limit || length > limit - at)
                return default;
            if (index >= _list.Count || _list[index].Start >= at + length)
                return at;
            at = Hva.Max(at, _list[index].End).AlignUp(alignment);
        }
    }

    private void Split(Hva at, Action<Hva> onCut)
    {
        var index = FirstEndingAfter(at);
        if (index >= _list.Count || _list[index].Start >= at)
            return;
        _list.Insert(index + 1, _list[index].CutAt(at));
        onCut(at);
    }

    private void MergeAround(int first, int last)
    {
        for (var index = Math.Min(last, _list.Count - 2); index >= Math.Max(0, first - 1); index--)
            MergeNext(index);
        if (last + 1 < _list.Count && last >= 0)
            MergeNext(last);
    }

    private void MergeNext(int index)
    {
        if (index + 1 >= _list.Count || !_list[index].ContinuesInto(_list[index + 1]))
            return;
        _list[index].End = _list[index + 1].End;
        _list[index + 1].File?.DropUser();
        _list.RemoveAt(index + 1);
    }
}
