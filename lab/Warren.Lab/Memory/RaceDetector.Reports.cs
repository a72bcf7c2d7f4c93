namespace Warren.Lab;

/// <summary>The reports of the race detector.</summary>
internal sealed partial class RaceDetector
{
    private void Report(ThreadClock self, RacePlace at, int other, AccessSite before, string done, string does)
    {
        var (first, second) = (ThreadName(other), ThreadName(self.Index));
        var place = NameOf(at);
        var now = Site();
        state.Fail(new Verdict(VerdictKind.DataRace,
            $"Data race on {place}: {second} {does} what {first} has {done}, and nothing orders the two.",
            string.Join('\n',
            [
                before.Line(first, done),
                now.Line(second, does),
                $"Nothing that {first} did after its access has been acquired by {second}: no lock that both held, no atomic write seen, "
                    + $"no grace period, no wake-up.",
                $"Take the lock that protects {place} in both places, or make both accesses atomic if no order is needed.",
            ])));
    }

    private void ReportWriters(ThreadClock self, RacePlace sequence)
    {
        var (first, second) = (ThreadName(sequence.Writer), ThreadName(self.Index));
        state.Fail(new Verdict(VerdictKind.DataRace,
            $"Two writers of {NameOf(sequence)} exclude each other by nothing: {first} and {second}.",
            string.Join('\n',
            [
                sequence.WriteSite.Line(first, "wrote"),
                Site().Line(second, "begins to write"),
                "A sequence count orders readers against a writer, never writers among themselves: hold a lock around WriteBegin and "
                    + "WriteEnd.",
            ])));
    }

    private void ReportTorn(ThreadClock self, SequenceRead read, string how)
    {
        var (place, seen, writer, write) = read.Torn!.Value;
        var reader = ThreadName(self.Index);
        state.Fail(new Verdict(VerdictKind.TornRead,
            $"Torn read: {reader} used what it read under {NameOf(read.Sequence)}, {how}, while {ThreadName(writer)} was writing it.",
            string.Join('\n',
            [
                seen.Line(reader, $"read {NameOf(place)}"),
                write.Line(ThreadName(writer), "wrote it"),
                "Read again while ReadRetry says so, and use nothing before it has said that the values stand.",
            ])));
    }


    private string NameOf(RacePlace at) => names.NameOf(at.Index);

    private string ThreadName(int index) => state[index].Name;
}
