using Warren.Locking;

namespace Warren.Lab.Tests.Memory;

/// <summary>Readers under a sequence count may meet a writer, if they act on what ReadRetry says.</summary>
public sealed class TornReadTests
{
    private static readonly LockClass Count = new("test_count", WaitContext.Free);
    private static readonly LockClass Spin = new("test_spin", WaitContext.Spin);

    private sealed class Pair
    {
        internal long A;
        internal long B;
        internal long Copy;

        internal void Set(long value)
        {
            Shared.Write(ref A, value, this);
            Shared.Write(ref B, value, this);
        }

        internal (long A, long B) Get() => (Shared.Read(ref A, this), Shared.Read(ref B, this));
    }

    private enum Reader
    {
        Retries,
        NeverAsks,
        IgnoresTheAnswer,
        GivesUp,
    }

    private static Action<Schedule> Build(Reader reader) => s =>
    {
        var (count, pair, mine) = (new SequenceCount(Count), new Pair(), new Pair());
        s.Thread("writer", () =>
        {
            count.WriteBegin();
            pair.Set(1);
            count.WriteEnd();
        });
        s.Thread("reader", () =>
        {
            while (true)
            {
                var sequence = count.ReadBegin();
                var (a, b) = pair.Get();
                if (reader != Reader.NeverAsks && count.ReadRetry(sequence) && reader == Reader.Retries)
                    continue;
                if (reader == Reader.GivesUp)
                    return;
                if (reader == Reader.Retries && a != b)
                    s.Fail(VerdictKind.Invariant, "torn after all");
                Shared.Write(ref mine.Copy, a + b, mine);
                return;
            }
        });
    };

    [Fact]
    public void A_reader_that_retries_is_right() => Explored.Clean(Build(Reader.Retries));

    [Fact]
    public void A_reader_that_gives_up_is_right() => Explored.Clean(Build(Reader.GivesUp));

    [Fact]
    public void A_reader_that_never_asks_is_found()
    {
        var verdict = Explored.Found(VerdictKind.TornRead, Build(Reader.NeverAsks));
        Assert.Contains("test_count", verdict.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_ignores_the_answer_is_found() => Explored.Found(VerdictKind.TornRead, Build(Reader.IgnoresTheAnswer));

    [Fact]
    public void A_writer_outside_the_count_races_with_readers_that_the_count_let_pass() => Explored.Found(VerdictKind.DataRace, s =>
    {
        var (count, pair) = (new SequenceCount(Count), new Pair());
        s.Thread("writer", () => pair.Set(1));
        s.Thread("reader", () =>
        {
            uint sequence;
            do
            {
                sequence = count.ReadBegin();
                pair.Get();
            }
            while (count.ReadRetry(sequence));
        });
    });

    [Fact]
    public void Writers_that_nothing_excludes_are_found_even_where_they_do_not_overlap()
    {
        Action<Schedule> Build(bool locked) => s =>
        {
            var (count, spin, pair) = (new SequenceCount(Count), new SpinLock(Spin), new Pair());
            for (var i = 1; i <= 2; i++)
            {
                s.Thread($"writer {i}", () =>
                {
                    if (locked)
                        spin.Lock();
                    count.WriteBegin();
                    pair.Set(1);
                    count.WriteEnd();
                    if (locked)
                        spin.Unlock();
                });
            }
        };
        Explored.Clean(Build(locked: true));
        var verdict = Explored.Failure(Build(locked: false))?.Verdict;
        Assert.True(verdict?.Kind is VerdictKind.DataRace or VerdictKind.Exception, verdict?.ToString());
    }
}
