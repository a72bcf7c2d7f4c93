using System.Text.Json.Serialization;

namespace Warren.Bench.Harness;

/// <summary>One measured case: ours, the peer's figure for the same work in the same run, and their ratio.</summary>
/// <param name="Name">The benchmark, as given to <c>warren bench</c>.</param>
/// <param name="Case">Which of its cases.</param>
/// <param name="Value">Our median, in <paramref name="Unit"/>.</param>
/// <param name="Unit">Unit of both values.</param>
/// <param name="Peer">What we are compared with; null when the host has none to offer.</param>
/// <param name="PeerValue">The peer's median, in the same unit.</param>
/// <param name="Ratio"><paramref name="Value"/> divided by <paramref name="PeerValue"/>.</param>
public sealed record BenchResult(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("case")] string Case,
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("peer")] string? Peer,
    [property: JsonPropertyName("peerValue")] double? PeerValue,
    [property: JsonPropertyName("ratio")] double? Ratio)
{
    /// <summary>Builds a result, rounding to four significant digits: more would be noise.</summary>
    public static BenchResult Of(string name, string @case, double value, string unit, string? peer = null, double? peerValue = null) =>
        new(name, @case, Round(value), unit, peer, peerValue is { } p ? Round(p) : null,
            peerValue is { } q && q != 0 ? Round(value / q) : null);

    private static double Round(double v)
    {
        if (v == 0 || !double.IsFinite(v)) return v;
        var scale = Math.Pow(10, 3 - Math.Floor(Math.Log10(Math.Abs(v))));
        return Math.Round(v * scale) / scale;
    }
}

/// <summary>JSON writer for results, one object a line, generated at build time.</summary>
[JsonSerializable(typeof(BenchResult))]
public sealed partial class BenchJson : JsonSerializerContext;
