using System.Text;
using System.Threading;
using Warren.Machines.Serial;

namespace Warren.Cli.Terminal;

/// <summary>
/// Carries what the user types to the guest's console on a thread of its own, because a terminal read cannot be cancelled. A guest that
/// takes no input never delays Ctrl-A X: what does not fit is dropped, as on a real serial line.
/// </summary>
internal sealed class TerminalInput(Stream input, ISerialPort console, Stream screen, Action exit)
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
                if (action == EscapeAction.Exit) break;
                if (action == EscapeAction.Help) screen.Write(Encoding.ASCII.GetBytes(EscapeKey.Help));
            }
        }
        catch (IOException)
        {
            // The terminal is gone; the guest goes with it.
        }
        exit();
    }
}
