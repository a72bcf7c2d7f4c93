namespace Warren.RiscV;

/// <summary>The surroundings of a hart that are not memory: the platform's clock and timers.</summary>
public interface IHartEnvironment
{
    /// <summary>The <c>time</c> counter, in ticks of 10 MHz. Called at every <c>rdtime</c>, from the hart's thread.</summary>
    ulong ReadTime();

    /// <summary>
    /// <c>stimecmp</c> was written: the hart wants <see cref="Hart.SetInterrupt"/> for bit 5 (or merely a kick) once the clock reaches
    /// <paramref name="stimecmp"/>; all ones means never. Called on the hart's thread.
    /// </summary>
    void TimerChanged(Hart hart, ulong stimecmp);
}
