using System.Xml.Linq;
using Warren.Lab.Reports;

namespace Warren.Lab.Tests.Reports;

public sealed class BarChartsTests
{
    [Fact]
    public void Bars_are_to_scale_and_the_drawing_is_well_formed()
    {
        var svg =
            XElement.Parse(
                BarCharts.Svg(SampleTrace.Hostile, "note",
                    [new("updates", "updates/s", [("join", 4000), ("active-count", 1000), ("none", 0)])]));
        var bars = svg.Descendants().Where(e => e.Attribute("class")?.Value == "b")
            .Select(e => double.Parse(e.Attribute("width")!.Value, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(3, bars.Count);
        Assert.Equal(4, bars[0] / bars[1], 3);
        Assert.Contains("4,000", svg.Value, StringComparison.Ordinal);
    }
}
