namespace Warren.Agent;

/// <summary>Frame types of the guest agent's protocol (docs/agent-protocol.md).</summary>
internal enum AgentFrameType : byte
{
    // host to guest
    Exec = (byte)'X',
    Go = (byte)'G',
    StandardInput = (byte)'I',
    EndOfInput = (byte)'E',
    Signal = (byte)'S',
    Broken = (byte)'B',
    WindowSize = (byte)'W',

    // guest to host
    Ready = (byte)'R',
    StandardOutput = (byte)'O',
    StandardError = (byte)'D',
    Credit = (byte)'C',
    ExecFailed = (byte)'F',
    Exited = (byte)'Q',
}

/// <summary>Layout of a frame: one byte of type, three of little-endian payload length, at most 4096 bytes of payload.</summary>
internal static class AgentFrame
{
    public const int HeaderBytes = 4;
    public const int MaxPayload = 4096;

    public static void WriteHeader(Span<byte> header, AgentFrameType type, int length)
    {
        header[0] = (byte)type;
        header[1] = (byte)length;
        header[2] = (byte)(length >> 8);
        header[3] = (byte)(length >> 16);
    }

    public static (AgentFrameType Type, int Length) ReadHeader(ReadOnlySpan<byte> header) =>
        ((AgentFrameType)header[0], header[1] | (header[2] << 8) | (header[3] << 16));
}
