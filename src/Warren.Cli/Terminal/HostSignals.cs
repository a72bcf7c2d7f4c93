using System.Runtime.InteropServices;
using System.Threading;

namespace Warren.Cli.Terminal;

/// <summary>
/// The signals that concern a guest, turned into calls, so that the terminal is given back and nothing is left behind. A third
/// interrupt ends the process at once.
/// </summary>
internal sealed class HostSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _interrupts;

    /// <param name="interrupt">Called on SIGINT with how many there have been.</param>
    /// <param name="terminate">Called on SIGTERM, SIGHUP and SIGQUIT.</param>
    /// <param name="resize">Called when the terminal has another size, and not needed where there is none.</param>
    public HostSignals(Action<int> interrupt, Action terminate, Action? resize = null)
    {
        if (resize is not null && !OperatingSystem.IsWindows())
            _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => resize()));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            var count = Interlocked.Increment(ref _interrupts);
            context.Cancel = count < 3;
            interrupt(count);
        }));
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                terminate();
            }));
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }
}
