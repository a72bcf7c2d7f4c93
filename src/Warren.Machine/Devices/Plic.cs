using System.Numerics;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Machines.Devices;

/// <summary>
/// The platform-level interrupt controller (RISC-V PLIC specification 1.0.0, as "sifive,plic-1.0.0"): up to 63 level-triggered sources,
/// one context for each hart's S-mode, 3-bit priorities. Registers are 32 bits wide and take only aligned 32-bit accesses; any other
/// access reads 0 and writes nothing.
/// </summary>
public sealed class Plic : IMmioDevice
{
    /// <summary>Length of the register window, in bytes.</summary>
    public const ulong WindowSize = 0x400_0000;

    /// <summary>Highest source number; sources count from 1.</summary>
    public const int LastSource = 63;

    public const int MaxHarts = 16;

    private const ulong PendingBase = 0x1000;
    private const ulong EnableBase = 0x2000;
    private const ulong EnableStride = 0x80;
    private const ulong ContextBase = 0x20_0000;
    private const ulong ContextStride = 0x1000;
    private const uint PriorityMask = 7;

    private readonly SpinLock _lock = new(BoardLocks.Plic);
    private readonly IInterruptTarget _target;
    private readonly Context[] _contexts;
    private readonly byte[] _priorities = new byte[LastSource + 1];

    // One bit a source. A gateway forwards a high level as a pending bit, then stays shut from claim to completion.
    private ulong _levels;
    private ulong _pending;
    private ulong _inService;

    /// <summary>Contexts 0 to <paramref name="harts"/> - 1 are the harts' S-modes.</summary>
    public Plic(int harts, IInterruptTarget target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(harts, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(harts, MaxHarts);
        _target = target;
        _contexts = new Context[harts];
    }

    public string Name => "plic";

    /// <summary>Interrupts claimed by the guest so far.</summary>
    public long Claims { get; private set; }

    /// <summary>The wire into <paramref name="source"/> (1 to <see cref="LastSource"/>).</summary>
    public IInterruptLine Line(int source)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(source, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source, LastSource);
        return new SourceLine(this, source);
    }

    /// <summary>Sets a hart's pin again to what it is, after the hart was reset.</summary>
    public void Refresh(int hart)
    {
        _lock.Lock();
        _target.SetExternalInterrupt(hart, _contexts[hart].Pin);
        _lock.Unlock();
    }

    /// <summary>The sources, by bit, that would raise a hart's pin if their level rose now.</summary>
    public ulong Listening(int hart)
    {
        ulong sources = 0;
        _lock.Lock();
        for (var open = _contexts[hart].Enabled & ~_pending & ~_inService; open != 0; open &= open - 1)
        {
            var source = BitOperations.TrailingZeroCount(open);
            if (_priorities[source] > _contexts[hart].Threshold)
                sources |= 1UL << source;
        }
        _lock.Unlock();
        return sources;
    }

    public ulong Read(ulong offset, int size)
    {
        if (size != 4 || (offset & 3) != 0)
            return 0;
        _lock.Lock();
        var value = ReadRegister(offset, out var raised);
        _lock.Unlock();
        Wake(raised);
        return value;
    }

    public void Write(ulong offset, int size, ulong value)
    {
        if (size != 4 || (offset & 3) != 0)
            return;
        _lock.Lock();
        WriteRegister(offset, (uint)value);
        var raised = UpdatePins();
        _lock.Unlock();
        Wake(raised);
    }

    private void SetLevel(int source, bool level)
    {
        var bit = 1UL << source;
        _lock.Lock();
        uint raised = 0;
        if (level != ((_levels & bit) != 0))
        {
            _levels ^= bit;
            // A request already forwarded stays pending when the level falls: the specification lets the handler find nothing to do.
            if (level && (_inService & bit) == 0)
            {
                _pending |= bit;
                raised = UpdatePins();
            }
        }
        _lock.Unlock();
        Wake(raised);
    }

    private uint ReadRegister(ulong offset, out uint raised)
    {
        raised = 0;
        if (offset < PendingBase)
            return offset / 4 <= LastSource ? _priorities[offset / 4] : 0u;
        if (offset < EnableBase)
            return Word(_pending, (offset - PendingBase) / 4);
        if (offset < ContextBase)
        {
            var context = (offset - EnableBase) / EnableStride;
            return context < (ulong)_contexts.Length ? Word(_contexts[context].Enabled, (offset - EnableBase) % EnableStride / 4) : 0u;
        }
        var number = (offset - ContextBase) / ContextStride;
        if (number >= (ulong)_contexts.Length)
            return 0;
        switch ((offset - ContextBase) % ContextStride)
        {
            case 0:
                return _contexts[number].Threshold;
            case 4:
                var source = Claim(ref _contexts[number]);
                raised = UpdatePins();
                return source;
            default:
                return 0;
        }
    }

    private void WriteRegister(ulong offset, uint value)
    {
        if (offset < PendingBase)
        {
            if (offset / 4 is >= 1 and <= LastSource)
                _priorities[offset / 4] = (byte)(value & PriorityMask);
            return;
        }
        if (offset < EnableBase)
            return;
        if (offset < ContextBase)
        {
            var context = (offset - EnableBase) / EnableStride;
            var word = (offset - EnableBase) % EnableStride / 4;
            if (context < (ulong)_contexts.Length && word < 2)
            {
                var shift = (int)word * 32;
                var enabled = (_contexts[context].Enabled & ~(0xffff_ffffUL << shift)) | ((ulong)value << shift);
                _contexts[context].Enabled = enabled & ~1UL;
            }
            return;
        }
        var number = (offset - ContextBase) / ContextStride;
        if (number >= (ulong)_contexts.Length)
            return;
        switch ((offset - ContextBase) % ContextStride)
        {
            case 0:
                _contexts[number].Threshold = (byte)(value & PriorityMask);
                break;
            case 4:
                Complete(in _contexts[number], value);
                break;
        }
    }

    private uint Claim(ref Context context)
    {
        var source = Best(_pending & context.Enabled);
        if (source == 0)
            return 0;
        var bit = 1UL << source;
        _pending &= ~bit;
        _inService |= bit;
        Claims++;
        return (uint)source;
    }

    private void Complete(in Context context, uint source)
    {
        if (source is 0 or > LastSource)
            return;
        var bit = 1UL << (int)source;
        if ((context.Enabled & _inService & bit) == 0)
            return;
        _inService &= ~bit;
        _pending |= _levels & bit;
    }

    /// <summary>
    /// The source of highest priority among <paramref name="candidates"/>, lowest number first; 0 when none has a priority.
    /// </summary>
    private int Best(ulong candidates)
    {
        var best = 0;
        for (; candidates != 0; candidates &= candidates - 1)
        {
            var source = BitOperations.TrailingZeroCount(candidates);
            if (_priorities[source] > _priorities[best])
                best = source;
        }
        return best;
    }

    /// <summary>Recomputes every pin; returns the mask of harts whose pin rose.</summary>
    private uint UpdatePins()
    {
        uint raised = 0;
        for (var i = 0; i < _contexts.Length; i++)
        {
            ref var context = ref _contexts[i];
            // _priorities[0] is 0 for ever, so "none" never exceeds a threshold.
            var pin = _priorities[Best(_pending & context.Enabled)] > context.Threshold;
            if (pin == context.Pin)
                continue;
            context.Pin = pin;
            _target.SetExternalInterrupt(i, pin);
            if (pin)
                raised |= 1u << i;
        }
        return raised;
    }

    private void Wake(uint raised)
    {
        if (raised != 0)
            _target.WakeHarts(raised);
    }

    private static uint Word(ulong bits, ulong word) => word < 2 ? (uint)(bits >> ((int)word * 32)) : 0;

    private struct Context
    {
        public ulong Enabled;
        public byte Threshold;
        public bool Pin;
    }

    private sealed class SourceLine(Plic plic, int source) : IInterruptLine
    {
        public void Set(bool level) => plic.SetLevel(source, level);
    }
}
