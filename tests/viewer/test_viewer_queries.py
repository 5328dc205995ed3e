"""The list of queries and the page of one, in headless Chromium: each feature is clicked, and the page is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.viewer.conftest import NARROW, QUERIES, Open, chips, figure, follow
from tests.viewer.made_up import RIGHT_TO_LEFT


class TestList:
    """The queries of a run."""

    def test_the_first_page_shows_the_demos_queries_at_once(self, open_page: Open) -> None:
        page = open_page("/")

        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Queries of demo"))
        expect(page.locator(QUERIES)).to_have_count(100)
        expect(page.locator(QUERIES).first).to_contain_text("The city that France has as its capital is Paris")
        expect(page.locator(QUERIES).first).to_contain_text("MRR 1.00")
        expect(page.locator(QUERIES).first.locator(".shade-10")).to_have_text("best AIS 1.00")

    def test_another_run_is_chosen(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo&sort=mrr")

        page.get_by_label("Run", exact=True).select_option("demo/bm25")
        follow(page.get_by_role("button", name="Show"))

        expect(page.get_by_role("heading", level=1)).to_have_text("Queries of demo/bm25")
        assert "sort=mrr" in page.url

    def test_pages_follow_each_other_and_come_back(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")
        first = page.locator(QUERIES).all_inner_texts()

        follow(page.get_by_role("link", name="Next"))
        second = page.locator(QUERIES).all_inner_texts()
        follow(page.get_by_role("link", name="Previous"))

        assert len(second) == 100
        assert not set(first) & set(second)
        assert page.locator(QUERIES).all_inner_texts() == first

    def test_a_random_page_has_an_address_to_keep(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo&sort=confidence")

        follow(page.get_by_role("link", name="Random page"))
        kept = page.url
        texts = page.locator(QUERIES).all_inner_texts()

        assert texts
        assert "/queries?" in kept
        assert open_page(kept).locator(QUERIES).all_inner_texts() == texts

    def test_the_highest_come_first(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")

        for sort in ("best AIS", "MRR", "confidence", "frequency"):
            follow(page.get_by_label("Sort by").get_by_role("link", name=sort, exact=True))
            expect(page.get_by_label("Sort by").locator("[aria-current]")).to_have_text(sort)
            figures = chips(page, sort)
            assert len(figures) > 50
            assert figures == sorted(figures, reverse=True)

    def test_a_preset_leaves_what_it_says_and_changes_the_means(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")
        everything = int(figure(page, "queries"))

        follow(page.get_by_role("link", name="correct and confident"))

        left = int(figure(page, "queries"))
        assert 0 < left < everything
        assert min(chips(page, "confidence")) > 0.5
        assert all("answered right" in text for text in page.locator(QUERIES).all_inner_texts())

    def test_a_typed_filter_leaves_what_it_says(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")

        page.get_by_label("Filter", exact=True).fill('relation = "capital" and not (prompt contains "France")')
        page.keyboard.press("Enter")

        expect(page.locator(QUERIES).first).to_contain_text("capital")
        page.wait_for_url("**filter=relation**")
        texts = page.locator(QUERIES).all_inner_texts()
        assert int(figure(page, "queries")) == len(texts) > 10
        assert all("\ncapital\n" in text and "France" not in text for text in texts)

    def test_a_wrong_filter_is_explained_and_every_query_shown(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")

        page.get_by_label("Filter", exact=True).fill("confidence >")
        follow(page.get_by_role("button", name="Apply"))

        expect(page.get_by_role("alert")).to_contain_text("Every query is shown")
        expect(page.locator(QUERIES)).to_have_count(100)
        expect(page.get_by_label("Filter", exact=True)).to_have_value("confidence >")

    def test_chips_of_tasks_relations_and_kinds_filter(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")
        expect(page.get_by_label("Tasks").get_by_role("link")).to_have_text(["demo 338"])

        page.get_by_text("Relations, frequency buckets").click()
        chip = page.get_by_role("link", name=re.compile("^currency [0-9]+$"))
        count = int(chip.inner_text().split()[-1])
        follow(chip)

        expect(page.locator(QUERIES)).to_have_count(count)
        page.get_by_text("Relations, frequency buckets").click()
        follow(page.get_by_role("link", name="none of ten states the fact"))
        page.wait_for_url("**filter=recall+%3D+0**")
        assert max(chips(page, "MRR")) < 0.1

    def test_the_threshold_recomputes_the_means(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")
        before = float(figure(page, "AIS recall@10"))

        page.get_by_role("slider", name="AIS threshold").fill("1")
        follow(page.get_by_role("button", name="Recompute"))

        assert before > 0.5
        assert float(figure(page, "AIS recall@10")) == 0
        assert "threshold=1" in page.url


class TestQuery:
    """One query with its proponents and opponents."""

    def test_a_query_of_the_list_opens_with_its_card(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo")

        follow(page.get_by_role("link", name="The city that France has as its capital is Paris"))

        card = page.get_by_role("article", name="Query")
        expect(card).to_contain_text("capital-france")
        expect(card).to_contain_text("confidence 0.70")
        expect(card).to_contain_text("Ground truth\nParis", use_inner_text=True)
        expect(card).to_contain_text("6 documents (bucket 1)")
        expect(card.get_by_text("there is one")).to_be_visible()
        assert figure(page, "MRR") == "1.00"
        card.get_by_text("20 samples").click()
        expect(card.locator("details li")).to_have_count(20)
        expect(card.locator("details li").first).to_be_visible()

    def test_proponents_stand_beside_opponents(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        first = page.get_by_role("article", name="proponent 1", exact=True)
        expect(first).to_contain_text("The poster says that France has its capital city in Paris.")
        expect(first).to_contain_text("+0.0987")
        expect(first).to_contain_text("✓ states the fact")
        expect(first.locator(".shade-10")).to_have_text("AIS 1.00 entailed")
        expect(page.get_by_role("article", name="opponent 1", exact=True)).to_contain_text("−0.05")
        left, right = (page.locator(f"#{name}s").bounding_box() for name in ("proponent", "opponent"))
        assert left is not None
        assert right is not None
        assert left["x"] + left["width"] <= right["x"]
        assert left["y"] == right["y"]

    def test_chips_jump_to_cards(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        follow(page.get_by_label("Jump to proponent").get_by_role("link", name="13, correct"))

        expect(page.locator("#proponent-13")).to_be_in_viewport()
        expect(page.locator("#proponent-13")).to_contain_text("states the fact")

    def test_target_and_subject_are_marked_until_switched_off(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")
        first = page.get_by_role("article", name="proponent 1", exact=True)
        expect(first.locator("mark.target")).to_have_text("Paris")
        expect(first.locator("mark.subject")).to_have_text("France")

        follow(page.get_by_role("link", name=re.compile("^target: Paris")))

        expect(first.locator("mark.target")).to_have_count(0)
        expect(first.locator("mark.subject")).to_have_text("France")

    def test_a_selected_part_of_the_prompt_is_marked_in_the_documents(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        page.evaluate("""() => {
            const text = [...document.querySelector("[data-prompt]").childNodes].at(-1);
            const start = text.data.indexOf("capital");
            getSelection().setBaseAndExtent(text, start, text, start + "capital".length);
        }""")
        expect(page.get_by_role("textbox", name="Highlight")).to_have_value("capital")
        follow(page.get_by_label("What is shown").get_by_role("button", name="Show"))

        expect(page.locator("#proponent-1 mark.selection")).to_have_text("capital")
        assert "mark=capital" in page.url

    def test_the_slider_of_the_threshold_is_followed_at_once(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")
        assert figure(page, "AIS recall@10") == "1.00"

        page.get_by_role("slider", name="AIS threshold").fill("0.72")
        expect(page.locator('[data-live="threshold"]')).to_have_text("0.72")
        page.get_by_role("slider", name="AIS threshold").fill("1")

        expect(page.locator("#proponent-1 [data-entailed]")).to_have_text("not entailed")
        assert float(figure(page, "AIS recall@10")) == 0
        follow(page.get_by_label("What is shown").get_by_role("button", name="Show"))
        follow(page.get_by_role("link", name="Link to this page"))
        expect(page.locator("#proponent-1 [data-entailed]")).to_have_text("not entailed")
        assert float(figure(page, "AIS recall@10")) == 0

    def test_the_slider_counts_proponents_that_are_not_shown(self, open_page: Open) -> None:
        page = open_page("/queries?run=demo&filter=ais_mrr+>+0+and+ais_mrr+<+0.1")
        follow(page.locator(f"{QUERIES} a").first)
        before = figure(page, "AIS MRR")

        page.get_by_role("slider", name="AIS threshold").fill("0.45")

        expect(page.locator('[data-live="threshold"]')).to_have_text("0.45")
        assert 0 < float(figure(page, "AIS MRR")) < 0.1
        assert figure(page, "AIS MRR") == before

    def test_a_second_run_stands_beside_with_its_ranks_and_the_overlap(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        page.get_by_label("Beside").select_option("demo/bm25")
        follow(page.get_by_label("What is shown").get_by_role("button", name="Show"))

        expect(page.get_by_text("Of the first ten proponents, 2 stand in both runs")).to_contain_text("20 %")
        expect(page.locator("#proponent-1")).to_contain_text("same rank in demo/bm25")
        theirs = page.locator("#other-proponents article")
        expect(theirs.first).to_contain_text("same rank in demo")
        moved = theirs.filter(has_text=re.compile("[▲▼] rank [0-9]+ in demo"))
        assert moved.count() > 0

    def test_next_and_previous_keep_what_is_chosen(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}&other=demo/bm25")

        follow(page.get_by_role("link", name="Next"))

        expect(page.get_by_role("heading", level=1)).to_contain_text("Germany")
        expect(page.get_by_label("Beside")).to_have_value("demo/bm25")

    def test_texts_of_all_scripts_stay_within_their_cards(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}", NARROW)

        text = page.locator("#proponent-3 .text")

        expect(text).to_have_text(RIGHT_TO_LEFT)
        assert text.evaluate("element => getComputedStyle(element).direction") == "rtl"
        expect(page.locator("#proponent-2 .text")).to_contain_text("<script>")
        assert page.title() != "owned"

    def test_the_raw_record_is_that_of_the_release_on_the_page_and_as_a_file(
        self, open_page: Open, france_id: int
    ) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")
        with page.expect_download() as started:
            page.get_by_role("link", name="this query as JSONL").click()

        follow(page.get_by_role("link", name="Raw record"))

        record = json.loads(page.locator("#record").inner_text())
        written = json.loads(Path(started.value.path()).read_text())
        assert written == record
        assert "\u202e" in "".join(record["proponents"])
        assert "\u202e" not in page.locator("#record").inner_text()
        assert record["inputs_plaintext"] == "The city that France has as its capital is"
        assert len(record["proponents"]) == len(record["proponent_scores"]) == 100

    def test_words_are_shaded_by_their_influence(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")

        follow(page.get_by_role("link", name="Which words of proponent 1", exact=True), 60_000)

        expect(page.locator(".tokens")).to_have_text("The poster says that France has its capital city in Paris.")
        expect(page.locator(".tokens .towards-10")).to_have_text("in")
        expect(page.get_by_role("region", name="Strongest words").locator("tbody tr").first).to_contain_text("in")

    def test_a_label_by_hand_is_written_and_taken_back(self, open_page: Open, france_id: int) -> None:
        page = open_page(f"/query?run=demo&query={france_id}")
        expect(page.get_by_role("button", name="Yes")).to_have_count(0)
        page.get_by_label("Label as").fill("Bo <b>")
        follow(page.get_by_role("button", name="Begin"))

        follow(page.get_by_role("button", name="Partly, proponent 4", exact=True))

        expect(page.locator("#proponent-4 footer")).to_contain_text("Bo <b>: 0.50")
        expect(page.locator("#proponent-4")).to_be_in_viewport()
        follow(page.get_by_role("button", name="Take back, proponent 4", exact=True))
        expect(page.locator("#proponent-4 footer")).not_to_contain_text("Bo")
