using System.Buffers.Binary;

namespace Warren.Agent;

/// <summary>
/// A command and its environment as the agent takes them: u32 argc, the arguments, the environment, each ended by a zero byte.
/// </summary>
internal static class ExecRequest
{
    /// <exception cref="ArgumentException">There is no command, its name is empty, or a string cannot be passed to a Linux
    /// program.</exception>
    public static ReadOnlyMemory<byte> Create(IReadOnlyList<string> command, IReadOnlyList<string> environment)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(environment);
        if (command.Count == 0 || string.IsNullOrEmpty(command[0]))
            throw new ArgumentException("The command is empty; name a program in the guest.", nameof(command));
        if (environment.Contains(null!))
            throw new ArgumentException("An environment entry is null; write NAME=value.", nameof(environment));
        if (environment.FirstOrDefault(e => e.IndexOf('=', StringComparison.Ordinal) < 1) is { } wrong)
            throw new ArgumentException($"'{wrong}' is no environment entry; write NAME=value.", nameof(environment));
        var request = new MemoryStream();
        var count = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(count, command.Count);
        request.Write(count);
        foreach (var text in command.Concat(environment))
        {
            request.Write(GuestText.Encode(text));
            request.WriteByte(0);
        }
        return request.ToArray();
    }
}
