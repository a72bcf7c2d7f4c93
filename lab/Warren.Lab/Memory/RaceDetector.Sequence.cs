namespace Warren.Lab;

/// <summary>A read section of a sequence count that a thread is in.</summary>
/// <param name="Sequence">The count.</param>
internal sealed record SequenceRead(RacePlace Sequence)
{
    internal List<(RacePlace Place, AccessSite Site)> Reads { get; } = [];

    /// <summary>A place it read while a writer changed it: the place, and who wrote.</summary>
    internal (RacePlace Place, AccessSite Read, int Writer, AccessSite Write)? Torn { get; set; }
}

/// <summary>
/// Sequence counts. Plain reads between ReadBegin and ReadRetry are judged when ReadRetry answers: if it says they stand, no writer of the
/// count was about, and any unordered write is a race. If it says they do not, they never happened, provided the reader acts accordingly:
/// it reads again, or takes a lock. A reader that met a writer and never asks, or goes on and writes although told to retry, used torn
/// data.
/// </summary>
internal sealed partial class RaceDetector
{
    private void BeginRead(ThreadClock self, RacePlace sequence)
    {
        if (self.Refused is { } refused && refused.Sequence == sequence && self.HasStoredSinceRefused)
            ReportTorn(self, refused, "although ReadRetry had said that a writer was about");
        self.Refused = null;
        for (var i = self.Reading.Count - 1; i >= 0; i--)
        {
            if (self.Reading[i].Sequence != sequence)
                continue;
            var open = self.Reading[i];
            self.Reading.RemoveAt(i);
            if (open.Torn is not null)
                ReportTorn(self, open, "without asking ReadRetry");
        }

        self.Join(sequence.Release, _known);
        self.Reading.Add(new SequenceRead(sequence));
    }

    private void ReadUnderSequence(ThreadClock self, RacePlace at)
    {
        var section = self.Reading[^1];
        section.Reads.Add((at, Site()));
        if (section.Torn is not null)
            return;
        foreach (var (place, read) in section.Reads)
        {
            if (IsUnordered(self, place))
                section.Torn = (place, read, place.Writer, place.WriteSite);
        }
    }

    private void EndRead(ThreadClock self, RacePlace sequence, bool valid)
    {
        var index = self.Reading.FindLastIndex(r => r.Sequence == sequence);
        if (index < 0)
        {
            // Asked twice, or handed to another thread: the answer of the last question counts.
            if (valid && self.Refused?.Sequence == sequence)
                self.Refused = null;
            return;
        }

        var section = self.Reading[index];
        self.Reading.RemoveAt(index);
        if (!valid)
        {
            if (section.Torn is not null)
                self.Refuse(section);
            return;
        }

        self.Join(sequence.Release, _known);
        foreach (var (place, site) in section.Reads)
        {
            if (IsUnordered(self, place))
            {
                Report(self, place, place.Writer, place.WriteSite, "written",
                    $"read (under a sequence count that saw no writer, at step {site.Step})");
            }
            (place.SequenceReads ??= new()).Add(self.Index, self.Now, site);
            place.Sequence = sequence;
        }
    }

    /// <summary>Writers must exclude each other by a lock: else two write sections may overlap in another schedule.</summary>
    private void BeginWrite(ThreadClock self, RacePlace sequence)
    {
        if (sequence.Writer >= 0 && sequence.Writer != self.Index && sequence.WriteClock > self.Clock[sequence.Writer])
            ReportWriters(self, sequence);
        self.Writing.Add(sequence);
        NoteWriter(self, sequence);
    }

    private void EndWrite(ThreadClock self, RacePlace sequence)
    {
        self.Writing.Remove(sequence);
        NoteWriter(self, sequence);
        Release(self, sequence);
    }

    private void NoteWriter(ThreadClock self, RacePlace sequence) =>
        (sequence.Writer, sequence.WriteClock, sequence.WriteSite) = (self.Index, self.Now, Site());

    private void EndReads(ThreadClock self)
    {
        foreach (var open in self.Reading)
        {
            if (open.Torn is not null)
                ReportTorn(self, open, "without asking ReadRetry");
        }

        if (self.Refused is { } refused && self.HasActedSinceRefused)
            ReportTorn(self, refused, "although ReadRetry had said that a writer was about");
    }

    private static bool IsUnordered(ThreadClock self, RacePlace place) =>
        place.Writer >= 0 && place.Writer != self.Index && place.WriteClock > self.Clock[place.Writer];
}
