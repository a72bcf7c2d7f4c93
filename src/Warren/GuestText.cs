using System.Buffers;
using System.Text;

namespace Warren;

/// <summary>
/// Linux strings are bytes, .NET's are not. Arguments and environment of a guest's command are UTF-8; a byte that is no part of UTF-8
/// stands in a string as the lone surrogate U+DC80 to U+DCFF, and becomes that byte again (Python's PEP 383, "surrogateescape").
/// </summary>
public static class GuestText
{
    private const char FirstEscape = '\uDC80', LastEscape = '\uDCFF';
    private const int EscapeBase = 0xDC00;

    /// <summary>Any bytes as a string that <see cref="Encode"/> turns into the same bytes.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        Span<char> units = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) == OperationStatus.Done)
            {
                text.Append(units[..rune.EncodeToUtf16(units)]);
            }
            else
            {
                foreach (var b in bytes[..consumed]) text.Append((char)(EscapeBase | b));
            }
            bytes = bytes[consumed..];
        }
        return text.ToString();
    }

    /// <summary>The bytes of a string, without an ending zero.</summary>
    /// <exception cref="ArgumentException">It holds a NUL, which Linux has no way to pass, or half of a surrogate pair.</exception>
    public static byte[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = new ArrayBufferWriter<byte>(text.Length + 1);
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (rest[0] == '\0')
                throw new ArgumentException("A string for the guest holds a NUL character; Linux ends strings there.", nameof(text));
            if (Rune.DecodeFromUtf16(rest, out var rune, out var consumed) == OperationStatus.Done)
            {
                bytes.Advance(rune.EncodeToUtf8(bytes.GetSpan(4)));
            }
            else if (rest[0] is >= FirstEscape and <= LastEscape)
            {
                bytes.Write([(byte)rest[0]]);
                consumed = 1;
            }
            else
            {
                throw new ArgumentException($"A string for the guest holds half of a surrogate pair (U+{(int)rest[0]:X4}).", nameof(text));
            }
            rest = rest[consumed..];
        }
        return bytes.WrittenSpan.ToArray();
    }
}
