"""Builds the frames of what is said on a LIVE.

These are comments, emotes, questions to the host, captions, and deletions by moderators.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from live.protocol.frames import (
    Caption,
    CaptionText,
    Comment,
    Delete,
    Emote,
    EmoteMessage,
    FrameType,
    Question,
)
from live.tiktok.people import sender_of, user_of
from live.tiktok.values import Built, id_text, known, picture_of, time_ms

__all__ = ["caption", "comment", "delete", "emote", "question"]

# The value of `content_language` when TikTok did not recognise the language.
_UNKNOWN_LANGUAGE = "un"
_COMMENT = FrameType.COMMENT


def comment(message: Any) -> Built:
    """Build the `comment` frame of a decoded `WebcastChatMessage`."""
    mentions = [user_of(user) for user in message.mention_users[:]]
    if message.HasField("at_user") and (mentioned := user_of(message.at_user)) not in mentions:
        mentions.append(mentioned)
    language = message.content_language
    return _COMMENT, Comment(
        sender_of(message),
        message.content,
        [
            Emote(placed.emote.emote_id, picture_of(placed.emote.image), placed.index)
            for placed in message.emotes[:]
        ],
        mentions,
        language if language and language != _UNKNOWN_LANGUAGE else UNSET,
    )


def emote(message: Any) -> Built:
    """Build the `emote` frame, a comment without text, of a decoded `WebcastEmoteChatMessage`."""
    emotes = [Emote(emote.emote_id, picture_of(emote.image)) for emote in message.emote_list[:]]
    return FrameType.EMOTE, EmoteMessage(sender_of(message), emotes)


def question(message: Any) -> Built:
    """Build the `question` frame, asked to the host, of a decoded `WebcastQuestionNewMessage`."""
    asked = message.data
    return FrameType.QUESTION, Question(
        id_text(asked.question_id), user_of(asked.user), asked.content
    )


def caption(message: Any) -> Built:
    """Build the `caption` frame of a decoded `WebcastCaptionMessage`.

    A caption is a sentence that TikTok's speech recognition has heard.
    """
    return FrameType.CAPTION, Caption(
        id_text(message.sentence_id),
        [CaptionText(content.lang, content.content) for content in message.content],
        message.definite,
        time_ms(message.timestamp_ms),
        known(message.duration_ms),
    )


def delete(message: Any) -> Built:
    """Build the `delete` frame of a decoded `WebcastImDeleteMessage`.

    A moderator has deleted single messages, or all messages of some users.
    """
    return FrameType.DELETE, Delete(
        [id_text(number) for number in message.delete_msg_ids],
        [id_text(number) for number in message.delete_user_ids],
    )
