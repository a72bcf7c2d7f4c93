using System.Numerics;

namespace Warren.Lab;

/// <summary>The choice of the next step's thread, and the choices of the environment: asks the search and keeps the record.</summary>
internal sealed class Decider(ScheduleState state, SearchFeed feed, WaitRules rules, FairOrder fair, StuckJudge stuck, PseudoSteps pseudos,
    SharedStacks stacks, VerdictText text, int maxSteps)
{
    /// <summary>The next thread; <paramref name="current"/> itself when the schedule has got its verdict; -1 when all have ended.</summary>
    /// <param name="current">Who comes to the decision.</param>
    /// <param name="own">Its bit where it would go on; 0 where it has ended, and before anybody has begun: who is first takes the turn from
    /// nobody.</param>
    internal int Decide(int current, ulong own)
    {
        state.LastActor = current;
        while (true)
        {
            var enabled = rules.EnabledMask();
            if (enabled == 0)
            {
                if (OnlyIdlePseudoLeft())
                    return -1;
                stuck.Judge();
                if (state.Aborting)
                    return current;
                continue;
            }

            if (state.Steps >= maxSteps)
            {
                state.Judge(text.NeverEnded(maxSteps));
                return current;
            }

            var next = Next(current, own & enabled, enabled);
            if (state.Aborting)
                return current;
            feed.Scheduled(next);
            var actor = state[next];
            if (actor.Pseudo is { } pseudo)
            {
                pseudos.Step(actor, pseudo);
                if (state.Aborting)
                    return current;
                // Who had to wait has lost the turn, also when what it waits for is not another thread's.
                own &= enabled;
                continue;
            }

            return next != current && stacks.BreaksOff(actor) ? current : next;
        }
    }

    /// <summary>A choice of the environment.</summary>
    internal int Choose(string what, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (count == 1 || state.Aborting || state.Steps >= state.FairFrom)
            return 0;
        var chooser = state.Current!;
        state.Chooser = chooser.Index;
        var chosen = feed.Search.Choose(state, count);
        state.Log.Add(chosen, chosen == 0);
        state.Recorder?.Chosen(chooser, what, chosen, count);
        state.CountChoice(chosen);
        return chosen;
    }

    private int Next(int current, ulong own, ulong enabled)
    {
        var candidates = enabled;
        if (own != 0 && state[current].Yielding && enabled != own)
            candidates &= ~own;
        var stays = (candidates & own) != 0;
        var next = stays ? current : Following(candidates, current);
        if (state.Steps >= state.FairFrom)
            return fair.Next(current, candidates);
        if ((candidates & (candidates - 1)) == 0)
            return next;
        var chosen = feed.Search.Next(state, stays ? current : -1, candidates, next);
        if (state.Aborting)
            return current;
        state.Log.Add(chosen, chosen == next);
        if (stays && chosen != current && state[chosen].Pseudo is null)
        {
            state.Preemptions++;
            state.Recorder?.Preempted();
        }

        return chosen;
    }

    /// <summary>The next in cyclic order: where nobody says otherwise, everybody gets a turn.</summary>
    private static int Following(ulong candidates, int current)
    {
        var after = current >= 63 ? 0 : candidates & (ulong.MaxValue << (current + 1));
        return BitOperations.TrailingZeroCount(after != 0 ? after : candidates);
    }

    private bool OnlyIdlePseudoLeft()
    {
        for (var left = state.Unfinished; left != 0; left &= left - 1)
        {
            if (state[BitOperations.TrailingZeroCount(left)].Pseudo is not { Enabled: false })
                return false;
        }

        return true;
    }
}
