namespace Warren.Cli.Terminal;

/// <summary>The request of a key after Ctrl-A.</summary>
internal enum EscapeAction
{
    None,
    Exit,
    Help,
}

/// <summary>
/// Takes the Ctrl-A commands out of what the user types: Ctrl-A X ends the guest, Ctrl-A H helps, Ctrl-A Ctrl-A (or Ctrl-A A) sends one
/// Ctrl-A. Any other key after Ctrl-A is dropped together with it, so that a slip never reaches the guest as a command.
/// </summary>
internal sealed class EscapeKey
{
    public const string Help = "\r\nCtrl-A X  end the guest\r\nCtrl-A A  send Ctrl-A\r\nCtrl-A H  this help\r\n";

    private const byte CtrlA = 1;
    private bool _armed;

    /// <summary>
    /// Filters <paramref name="typed"/> into <paramref name="forGuest"/> (at least as long) and returns what was asked for.
    /// </summary>
    /// <param name="typed">Bytes read from the terminal.</param>
    /// <param name="forGuest">Receives the bytes for the guest.</param>
    /// <param name="count">How many were stored.</param>
    public EscapeAction Filter(ReadOnlySpan<byte> typed, Span<byte> forGuest, out int count)
    {
        var action = EscapeAction.None;
        count = 0;
        foreach (var b in typed)
        {
            if (!_armed)
            {
                if (b == CtrlA) _armed = true;
                else forGuest[count++] = b;
                continue;
            }
            _armed = false;
            switch (b)
            {
                case (byte)'x' or (byte)'X':
                    return EscapeAction.Exit;
                case (byte)'h' or (byte)'H' or (byte)'?':
                    action = EscapeAction.Help;
                    break;
                case CtrlA or (byte)'a' or (byte)'A':
                    forGuest[count++] = CtrlA;
                    break;
            }
        }
        return action;
    }
}
