using System.Text;
using System.Threading;
using Warren.Machines.Serial;

namespace Warren.Cli.Terminal;

/// <summary>
/// Carries what the user types to the guest's console on a thread of its own, because a terminal read cannot be cancelled. A guest that
/// takes no input never delays Ctrl-A X: what does not fit is dropped, as on a real serial line.
/// </summary>
/// <param name="input">The terminal.</param>
/// <param name="console">The guest's.</param>
/// <param name="screen">Shows the help of Ctrl-A.</param>
/// <param name="exit">Called once, when the user wants to leave (true) or the terminal is gone (false).</param>
internal sealed class TerminalInput(Stream input, ISerialPort console, Stream screen, Action<bool> exit)
{
    public void Start() => new Thread(Pump) { IsBackground = true, Name = "warren-terminal" }.Start();

    private void Pump()
    {
        var typed = new byte[1024];
        var forGuest = new byte[1024];
        var escape = new EscapeKey();
        try
        {
            int read;
            while ((read = input.Read(typed, 0, typed.Length)) > 0)
            {
                var action = escape.Filter(typed.AsSpan(0, read), forGuest, out var count);
                console.Write(forGuest.AsSpan(0, count));
                if (action == EscapeAction.Exit)
                {
                    exit(true);
                    return;
                }
                if (action == EscapeAction.Help) screen.Write(Encoding.ASCII.GetBytes(EscapeKey.Help));
            }
        }
        catch (IOException)
        {
            // As with its end: the terminal is gone, and the guest goes with it.
        }
        exit(false);
    }
}
