using System.Globalization;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>What the race detector says.</summary>
internal sealed partial class RaceDetector
{
    private void Report(ThreadClock self, Location at, int other, AccessSite before, string done, string does)
    {
        var (first, second) = (ThreadName(other), ThreadName(self.Index));
        var place = NameOf(at);
        var now = Site();
        _schedule.Fail(VerdictKind.DataRace,
            $"Data race on {place}: {second} {does} what {first} has {done}, and nothing orders the two.",
            string.Join('\n',
            [
                Line(first, done, before),
                Line(second, does, now),
                $"Nothing that {first} did after its access has been acquired by {second}: no lock that both held, no atomic write seen, no grace period, no wake-up.",
                $"Take the lock that protects {place} in both places, or make both accesses atomic if no order is needed.",
            ]));
    }

    private void ReportWriters(ThreadClock self, Location sequence)
    {
        var (first, second) = (ThreadName(sequence.Writer), ThreadName(self.Index));
        _schedule.Fail(VerdictKind.DataRace,
            $"Two writers of {NameOf(sequence)} exclude each other by nothing: {first} and {second}.",
            string.Join('\n',
            [
                Line(first, "wrote", sequence.WriteSite),
                Line(second, "begins to write", Site()),
                "A sequence count orders readers against a writer, never writers among themselves: hold a lock around WriteBegin and WriteEnd.",
            ]));
    }

    private void ReportTorn(ThreadClock self, SequenceRead read, string how)
    {
        var (place, seen, writer, write) = read.Torn!.Value;
        var reader = ThreadName(self.Index);
        _schedule.Fail(VerdictKind.TornRead,
            $"Torn read: {reader} used what it read under {NameOf(read.Sequence)}, {how}, while {ThreadName(writer)} was writing it.",
            string.Join('\n',
            [
                Line(reader, $"read {NameOf(place)}", seen),
                Line(ThreadName(writer), "wrote it", write),
                "Read again while ReadRetry says so, and use nothing before it has said that the values stand.",
            ]));
    }

    private static string Line(string thread, string what, AccessSite site)
    {
        var where = site.Source is null ? "" : $", {site.Source}";
        return string.Create(CultureInfo.InvariantCulture, $"  {thread}: {what} at step {site.Step}{where}");
    }

    private static string NameOf(Location at) => at.Owner switch
    {
        null => string.Create(CultureInfo.InvariantCulture, $"native memory at 0x{at.Offset:x}"),
        SequenceCount count => $"the sequence count {count.Class.Name}",
        Array array => $"{array.GetType().Name}{FieldNames.Of(array, at.Offset)}",
        var owner => $"{owner.GetType().Name}.{FieldNames.Of(owner, at.Offset)}",
    };

    private string ThreadName(int index) => ThreadNames.Of(_schedule, index);
}
