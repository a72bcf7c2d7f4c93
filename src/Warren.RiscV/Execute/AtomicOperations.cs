namespace Warren.RiscV.Execute;

/// <summary>The result of an AMO without a host instruction of its own; the exchange is retried until it is atomic.</summary>
internal interface ICombine
{
    static abstract ulong Word(uint old, uint value);

    static abstract ulong Double(ulong old, ulong value);
}

internal readonly unsafe struct SwapWord : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Exchange(ref *(uint*)cell, (uint)value);
}

internal readonly unsafe struct SwapDouble : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Exchange(ref *(ulong*)cell, value);
}

internal readonly unsafe struct FetchAddWord : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Add(ref *(uint*)cell, (uint)value) - (uint)value;
}

internal readonly unsafe struct FetchAddDouble : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Add(ref *(ulong*)cell, value) - value;
}

internal readonly unsafe struct AndWord : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.And(ref *(uint*)cell, (uint)value);
}

internal readonly unsafe struct AndDouble : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.And(ref *(ulong*)cell, value);
}

internal readonly unsafe struct OrWord : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Or(ref *(uint*)cell, (uint)value);
}

internal readonly unsafe struct OrDouble : IAtomic
{
    public static ulong Invoke(void* cell, ulong value) => Interlocked.Or(ref *(ulong*)cell, value);
}

internal readonly unsafe struct CombineWord<T> : IAtomic
    where T : struct, ICombine
{
    public static ulong Invoke(void* cell, ulong value)
    {
        var seen = Volatile.Read(ref *(uint*)cell);
        while (true)
        {
            var found = Interlocked.CompareExchange(ref *(uint*)cell, (uint)T.Word(seen, (uint)value), seen);
            if (found == seen)
                return seen;

            seen = found;
        }
    }
}

internal readonly unsafe struct CombineDouble<T> : IAtomic
    where T : struct, ICombine
{
    public static ulong Invoke(void* cell, ulong value)
    {
        var seen = Volatile.Read(ref *(ulong*)cell);
        while (true)
        {
            var found = Interlocked.CompareExchange(ref *(ulong*)cell, T.Double(seen, value), seen);
            if (found == seen)
                return seen;

            seen = found;
        }
    }
}

internal readonly struct CombineXor : ICombine
{
    public static ulong Word(uint old, uint value) => old ^ value;

    public static ulong Double(ulong old, ulong value) => old ^ value;
}

internal readonly struct CombineMin : ICombine
{
    public static ulong Word(uint old, uint value) => (uint)Math.Min((int)old, (int)value);

    public static ulong Double(ulong old, ulong value) => (ulong)Math.Min((long)old, (long)value);
}

internal readonly struct CombineMax : ICombine
{
    public static ulong Word(uint old, uint value) => (uint)Math.Max((int)old, (int)value);

    public static ulong Double(ulong old, ulong value) => (ulong)Math.Max((long)old, (long)value);
}

internal readonly struct CombineMinUnsigned : ICombine
{
    public static ulong Word(uint old, uint value) => Math.Min(old, value);

    public static ulong Double(ulong old, ulong value) => Math.Min(old, value);
}

internal readonly struct CombineMaxUnsigned : ICombine
{
    public static ulong Word(uint old, uint value) => Math.Max(old, value);

    public static ulong Double(ulong old, ulong value) => Math.Max(old, value);
}
