namespace Warren.Images.Packages;

/// <summary>
/// Orders package versions as dpkg does (deb-version(7)): epoch, upstream part, revision; "~" before everything, even the end.
/// </summary>
internal sealed class DebianVersion : IComparer<string>
{
    public static DebianVersion Order { get; } = new();

    public int Compare(string? x, string? y)
    {
        var (epochX, upstreamX, revisionX) = Split(x ?? "");
        var (epochY, upstreamY, revisionY) = Split(y ?? "");
        var order = ComparePart(epochX, epochY);
        if (order == 0)
            order = ComparePart(upstreamX, upstreamY);
        return order != 0 ? order : ComparePart(revisionX, revisionY);
    }

    private static (string Epoch, string Upstream, string Revision) Split(string version)
    {
        var colon = version.IndexOf(':', StringComparison.Ordinal);
        var epoch = colon < 0 ? "0" : version[..colon];
        var rest = version[(colon + 1)..];
        var dash = rest.LastIndexOf('-');
        return dash < 0 ? (epoch, rest, "0") : (epoch, rest[..dash], rest[(dash + 1)..]);
    }

    // Alternates between a run of non-digits, compared by Weight, and a run of digits, compared as a number.
    private static int ComparePart(ReadOnlySpan<char> x, ReadOnlySpan<char> y)
    {
        while (!x.IsEmpty || !y.IsEmpty)
        {
            while (Weight(x) != 0 || Weight(y) != 0)
            {
                var order = Weight(x).CompareTo(Weight(y));
                if (order != 0)
                    return order;
                x = x[1..];
                y = y[1..];
            }
            var numberX = TakeNumber(ref x);
            var numberY = TakeNumber(ref y);
            var byLength = numberX.Length.CompareTo(numberY.Length);
            var byDigits = byLength != 0 ? byLength : numberX.SequenceCompareTo(numberY);
            if (byDigits != 0)
                return byDigits;
        }
        return 0;
    }

    // The end and a digit weigh nothing, a letter its code, "~" less than nothing, everything else more than any letter.
    private static int Weight(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || char.IsAsciiDigit(text[0]))
            return 0;
        return text[0] == '~' ? -1 : char.IsAsciiLetter(text[0]) ? text[0] : text[0] + 256;
    }

    private static ReadOnlySpan<char> TakeNumber(ref ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && char.IsAsciiDigit(text[length]))
            length++;
        var number = text[..length].TrimStart('0');
        text = text[length..];
        return number;
    }
}
