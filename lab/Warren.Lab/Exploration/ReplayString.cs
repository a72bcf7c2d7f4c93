using System.Buffers.Text;
using System.Text;

namespace Warren.Lab;

/// <summary>
/// A schedule in a line of text: base64url of version, hash of the scenario's name, flags, hash of what was executed, the limits that
/// differ from the usual ones, the threads left out, from when on the order is fair, the decisions that differ from the default (distance
/// to the one before and what was decided, as variable-length numbers), and a checksum.
/// </summary>
/// <param name="ReleasePoints">Others may come before a release, too.</param>
/// <param name="Judging">Under what the schedule got its verdict.</param>
/// <param name="Dropped">Threads left out, as a mask.</param>
/// <param name="FairFrom">The step from which the order is fair.</param>
/// <param name="FairSeed">How it is.</param>
/// <param name="TraceHash">Of the steps made.</param>
/// <param name="At">Numbers of the decisions that differ from the default.</param>
/// <param name="Chosen">What was decided there.</param>
internal sealed record ReplayString(bool ReleasePoints, ReplayJudging Judging, ulong Dropped, long FairFrom, ulong FairSeed, uint TraceHash,
    int[] At, int[] Chosen)
{
    private const byte Version = 3;
    private const int Fixed = 10;

    internal string Encode(string scenario)
    {
        var bytes = new List<byte> { Version };
        Put(bytes, NameHash(scenario));
        bytes.Add((byte)((ReleasePoints ? 1 : 0) | Judging.Flags));
        Put(bytes, TraceHash);
        foreach (var limit in Judging.Limits)
            PutNumber(bytes, (ulong)limit);
        PutNumber(bytes, Dropped);
        PutNumber(bytes, (ulong)FairFrom);
        PutNumber(bytes, FairSeed);
        var before = -1;
        for (var i = 0; i < At.Length; i++)
        {
            PutNumber(bytes, (ulong)(At[i] - before - 1));
            PutNumber(bytes, (ulong)Chosen[i]);
            before = At[i];
        }

        bytes.Add(Checksum([.. bytes]));
        return Base64Url.EncodeToString([.. bytes]);
    }

    /// <exception cref="FormatException">The text is damaged, or of another version or scenario.</exception>
    internal static ReplayString Decode(string text, string scenario)
    {
        byte[] bytes;
        try
        {
            bytes = Base64Url.DecodeFromChars(text.AsSpan().Trim());
        }
        catch (FormatException)
        {
            throw new FormatException(
                "The replay string is damaged: it holds characters that no replay string has; copy it whole, without quotes or spaces.");
        }

        if (bytes.Length > 0 && bytes[0] != Version)
        {
            throw new FormatException(
                $"The replay string is of version {bytes[0]}, and this Warren replays version {Version}: explore the scenario anew.");
        }
        if (bytes.Length < Fixed + 2 || Checksum(bytes.AsSpan(..^1)) != bytes[^1])
            throw new FormatException("The replay string is damaged: its checksum does not match; copy it whole.");
        if (BitConverter.ToUInt32(bytes, 1) != NameHash(scenario))
        {
            throw new FormatException(
                $"The replay string belongs to another scenario than {scenario}: name the scenario it was printed for.");
        }
        var at = new List<int>();
        var chosen = new List<int>();
        var position = Fixed;
        var limits = ReplayJudging.HasLimits(bytes[5]) ? new int[ReplayJudging.LimitCount] : [];
        for (var i = 0; i < limits.Length; i++)
            limits[i] = (int)Number(bytes, ref position);
        var dropped = Number(bytes, ref position);
        var fairFrom = (long)Number(bytes, ref position);
        var fairSeed = Number(bytes, ref position);
        var last = -1;
        while (position < bytes.Length - 1)
        {
            last += (int)Number(bytes, ref position) + 1;
            at.Add(last);
            chosen.Add((int)Number(bytes, ref position));
        }

        return new((bytes[5] & 1) != 0, ReplayJudging.Of(bytes[5], limits), dropped, fairFrom, fairSeed, BitConverter.ToUInt32(bytes, 6),
            [.. at], [.. chosen]);
    }

    /// <summary>FNV-1a of the name in UTF-8.</summary>
    private static uint NameHash(string name)
    {
        var hash = 2166136261;
        foreach (var b in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 16777619;
        return hash;
    }

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261;
        foreach (var b in bytes)
            hash = (hash ^ b) * 16777619;
        return (byte)(hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24));
    }

    private static void Put(List<byte> bytes, uint value)
    {
        foreach (var b in BitConverter.GetBytes(value))
            bytes.Add(b);
    }

    private static void PutNumber(List<byte> bytes, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
    }

    private static ulong Number(byte[] bytes, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; position < bytes.Length - 1 && shift < 64; shift += 7)
        {
            var b = bytes[position++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }

        throw new FormatException("The replay string is damaged: it ends within a number; copy it whole.");
    }
}
