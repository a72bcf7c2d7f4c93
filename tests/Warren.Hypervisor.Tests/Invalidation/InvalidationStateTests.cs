using System.Threading;
using Warren.Hypervisor.Invalidation;
using Warren.Locking;

namespace Warren.Hypervisor.Tests;

public sealed class InvalidationStateTests
{
    private readonly RwLock _lock = new(HypervisorLocks.MmuLock);
    private readonly InvalidationState _state;

    public InvalidationStateTests() => _state = new InvalidationState(_lock);

    private void Write(Action action)
    {
        _lock.WriteLock();
        action();
        _lock.WriteUnlock();
    }

    private bool Retry(ulong sequence, ulong start, ulong end)
    {
        _lock.ReadLock();
        var retry = _state.RetryGfnRange(sequence, new Gfn(start), new Gfn(end));
        _lock.ReadUnlock();
        // At rest the guess without the lock must be right.
        Assert.Equal(retry, _state.RetryGfnRangeUnsafe(sequence, new Gfn(start), new Gfn(end)));
        return retry;
    }

    private void Begin(ulong start, ulong end) => Write(() =>
    {
        _state.Begin();
        _state.RangeAdd(new Gfn(start), new Gfn(end));
    });

    [Fact]
    public void Only_faults_inside_the_range_retry_while_it_is_open_and_all_from_before_its_end_after()
    {
        var sequence = _state.Sequence;
        Begin(10, 20);
        Assert.True(Retry(sequence, 10, 11));
        Assert.True(Retry(sequence, 19, 20));
        Assert.True(Retry(sequence, 0, 512));
        Assert.False(Retry(sequence, 9, 10));
        Assert.False(Retry(sequence, 20, 21));
        Assert.True(_state.Retry(sequence));
        Write(_state.End);
        Assert.True(Retry(sequence, 9, 10));
        Assert.False(Retry(_state.Sequence, 10, 20));
        Assert.True(_state.Retry(sequence));
        Assert.False(_state.Retry(_state.Sequence));
    }

    [Fact]
    public void The_union_grows_until_nothing_is_open_and_starts_anew_then()
    {
        Begin(10, 20);
        Begin(40, 50);
        Assert.Equal((new Gfn(10), new Gfn(50)), _state.Range);
        Write(_state.End);
        Assert.Equal(1, _state.InProgress);
        // Which of the two ended is not known: the union stays.
        var sequence = _state.Sequence;
        Assert.True(Retry(sequence, 30, 31));
        Write(_state.End);
        Begin(60, 70);
        Assert.Equal((new Gfn(60), new Gfn(70)), _state.Range);
        Assert.False(Retry(_state.Sequence, 45, 46));
        Write(_state.End);
        Assert.Equal(0, _state.InProgress);
    }

    [Fact]
    public void Before_its_range_is_known_an_open_invalidation_holds_off_every_fault()
    {
        Write(() =>
        {
            _state.Begin();
            Assert.True(_state.RetryGfn(_state.Sequence, new Gfn(12345)));
            _state.RangeAdd(new Gfn(1), new Gfn(2));
            Assert.False(_state.RetryGfn(_state.Sequence, new Gfn(12345)));
            _state.End();
        });
    }

    [Fact]
    public void An_end_without_a_begin_is_refused()
    {
        _lock.WriteLock();
        Assert.Throws<InvalidOperationException>(_state.End);
        _lock.WriteUnlock();
        Assert.Equal(0, _state.InProgress);
    }

    [Fact]
    public void Begin_and_the_authoritative_question_need_the_lock()
    {
        Assert.Throws<LockAssertionException>(_state.Begin);
        Assert.Throws<LockAssertionException>(() => _state.RetryGfn(0, new Gfn(0)));
    }

    /// <summary>KVM once kept snapshots in 32 bits: past 2^31 they never matched, and vCPUs hung.</summary>
    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(uint.MaxValue)]
    [InlineData(ulong.MaxValue)]
    public void Sequences_are_compared_in_all_their_bits(ulong before)
    {
        Write(() => _state.SetSequence(before));
        Begin(1, 2);
        Write(_state.End);
        Assert.Equal(unchecked(before + 1), _state.Sequence);
        Assert.False(Retry(_state.Sequence, 1, 2));
        Assert.True(Retry(before, 1, 2));
        Assert.True(Retry(_state.Sequence ^ (1UL << 40), 1, 2));
    }

    /// <summary>
    /// Without the lock: a reader that finds the count back at 0 must find the new sequence. (The order of two stores is the explorer's to
    /// prove.)
    /// </summary>
    [Fact]
    public void A_reader_that_sees_an_invalidation_close_sees_another_sequence()
    {
        const int rounds = 200_000;
        var stop = false;
        var wrong = 0;
        var reader = new Worker(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                // Idle after the snapshot, then open: that one ends after the snapshot, and seen closed it must show.
                var sequence = _state.Sequence;
                if (_state.InProgress != 0) continue;
                while (_state.InProgress == 0 && !Volatile.Read(ref stop)) Thread.SpinWait(1);
                if (Volatile.Read(ref stop)) break;
                // No pause: the moment between the two stores is short.
                while (_state.InProgress != 0)
                {
                }
                if (!_state.Retry(sequence)) wrong++;
            }
        });
        for (var i = 0; i < rounds; i++)
        {
            Begin(1, 2);
            Write(_state.End);
        }
        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0, wrong);
    }
}
