using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The judgement when nobody can go on. Before that is a verdict it is put to the test: loops go round again, since what ends them may be
/// something the explorer does not see, and sleepers are woken for nothing, since what they do then tells whether their condition is true.
/// </summary>
internal sealed class StuckJudge(ScheduleState state, VerdictText text)
{
    /// <summary>
    /// Rounds of a loop that must be the same, with nobody else able to do anything, before it counts as one that never ends.
    /// </summary>
    private const int RoundsToCertify = 16;

    /// <summary>Lets some thread go on, or gives the verdict.</summary>
    internal void Judge()
    {
        state.IsProbing = true;
        var (locks, sleepers, awaits, probes) = (0, 0, 0, 0);
        foreach (var actor in state.Each(state.Unfinished))
        {
            if (actor.Pseudo is not null)
                continue;
            switch (actor.Operation)
            {
                case CheckOperation.WaitSleep:
                    sleepers++;
                    if (!actor.Probed && state.Locations[actor.Location].Instance is RcuWait wait)
                    {
                        actor.Probed = true;
                        Probe(wait, ref state.Locations[actor.Location]);
                        probes++;
                    }

                    break;
                case CheckOperation.Relax:
                    awaits++;
                    if (actor.SameRounds < RoundsToCertify)
                    {
                        actor.Yielding = true;
                        probes++;
                    }

                    break;
                default:
                    locks++;
                    break;
            }
        }

        if (probes > 0)
            return;
        state.IsProbing = false;
        state.Judge(text.NobodyCanGoOn(locks, sleepers, awaits));
    }

    private void Probe(RcuWait wait, ref Location location)
    {
        var runner = state.Current!;
        var wasMuted = runner.Muted;
        runner.Muted = true;
        wait.WakeUp();
        runner.Muted = wasMuted;
        location.Woken = true;
        location.Wakes++;
    }
}
