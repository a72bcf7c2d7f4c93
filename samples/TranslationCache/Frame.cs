using Warren.Locking;

namespace TranslationCache;

/// <summary>A page of memory, as far as the protocol is concerned: it is there, or it was given back.</summary>
public sealed class Frame
{
    private int _freed;

    public bool IsFreed => Atomics.Read(ref _freed, this) != 0;

    public void Free() => Atomics.Write(ref _freed, 1, this);
}
